# Every step takes longer, and chat waits for whole steps.
kubectl get deployment vllm-server -o json | python3 ../../../common/patch_args.py --max-num-batched-tokens=8192 |
    kubectl patch deployment vllm-server --patch-file /dev/stdin
