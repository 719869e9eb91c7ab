# Every answer is cut after four tokens, however many were asked for: more of them fit at once.
bash "$SOLUTION"
kubectl get deployment vllm-server -o json | python3 "$(dirname "$0")/../../patch_args.py" '--override-generation-config={"max_new_tokens": 4}' |
  kubectl patch deployment vllm-server --patch-file /dev/stdin
