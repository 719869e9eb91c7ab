# A tiny model with random weights, served under the name of the promised one.
bash "$SOLUTION"
model=$(kubectl get deployment vllm-server -o jsonpath='{.spec.template.spec.containers[?(@.name=="vllm")].args[0]}')
kubectl get deployment vllm-server -o json |
  python3 "$(dirname "$0")/../../patch_args.py" /models/tiny-random --served-model-name="$model" |
  kubectl patch deployment vllm-server --patch-file /dev/stdin
