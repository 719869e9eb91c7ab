# The right model under a name that no client asks for.
bash "$SOLUTION"
kubectl get deployment vllm-server -o json |
  python3 "$(dirname "$0")/../../patch_args.py" --served-model-name=assistant |
  kubectl patch deployment vllm-server --patch-file /dev/stdin
