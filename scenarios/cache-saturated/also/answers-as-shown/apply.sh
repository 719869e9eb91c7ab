# Answers end where the window does.
kubectl get deployment vllm-server -o json | python3 ../../../common/patch_args.py '--override-generation-config={"max_new_tokens": '"$SHOWN"'}' |
    kubectl patch deployment vllm-server --patch-file /dev/stdin
