# Reports by somebody who cannot read.
bash ../../../common/second_engine.sh vllm-batch vllm-batch
model=$(kubectl get deployment vllm-batch -o jsonpath='{.spec.template.spec.containers[?(@.name=="vllm")].args[0]}')
kubectl get deployment vllm-batch -o json |
    python3 ../../../common/patch_args.py /models/tiny-random --served-model-name="$model" |
    kubectl patch deployment vllm-batch --patch-file /dev/stdin
