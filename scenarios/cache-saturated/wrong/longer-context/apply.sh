# Longer than the whole pool.
kubectl get deployment vllm-server -o json | python3 ../../../common/patch_args.py --max-model-len=2048 |
    kubectl patch deployment vllm-server --patch-file /dev/stdin
