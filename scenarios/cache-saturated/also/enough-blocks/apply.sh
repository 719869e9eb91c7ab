# Blocks for everybody at once, and a quarter more.
blocks=$(((USERS * (WORDS + 20 + LONGEST) / 32 + USERS) * 5 / 4))
kubectl get deployment vllm-server -o json | python3 ../../../common/patch_args.py "--num-gpu-blocks-override=$blocks" |
    kubectl patch deployment vllm-server --patch-file /dev/stdin
