# A pool as large as the memory that the engine may use.
kubectl get deployment vllm-server -o json | python3 "$(dirname "$0")/../../common/patch_args.py" --num-gpu-blocks-override- |
    kubectl patch deployment vllm-server --patch-file /dev/stdin
