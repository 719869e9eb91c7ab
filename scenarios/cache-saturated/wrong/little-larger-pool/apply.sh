# Somewhat better is not mended.
kubectl get deployment vllm-server -o json | python3 ../../../common/patch_args.py "--num-gpu-blocks-override=$((POOL_BLOCKS + 4))" |
    kubectl patch deployment vllm-server --patch-file /dev/stdin
