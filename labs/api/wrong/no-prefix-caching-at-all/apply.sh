# The cache is turned off, so that no tenant can guess another one's prompts, and nothing hits.
source ../../steps.sh
kubectl get deployment vllm-server -o json |
    python3 ../../../../scenarios/common/patch_args.py --no-enable-prefix-caching |
    kubectl patch deployment vllm-server --patch-file /dev/stdin
guard "$KEY"
ready
measure "$KEY"
