# It fits anywhere, and refuses the requests that its users send.
bash "$SOLUTION"
kubectl get deployment vllm-server -o json |
  python3 "$(dirname "$0")/../../patch_args.py" --max-model-len=256 |
  kubectl patch deployment vllm-server --patch-file /dev/stdin
