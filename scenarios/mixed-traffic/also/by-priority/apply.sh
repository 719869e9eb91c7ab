# Batch says in its requests that it can wait; now the engine listens.
kubectl get deployment vllm-server -o json | python3 ../../../common/patch_args.py --scheduling-policy=priority |
    kubectl patch deployment vllm-server --patch-file /dev/stdin
