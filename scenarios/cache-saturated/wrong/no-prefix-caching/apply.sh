# Cached prefixes are given up before anybody is preempted.
kubectl get deployment vllm-server -o json | python3 ../../../common/patch_args.py --no-enable-prefix-caching |
    kubectl patch deployment vllm-server --patch-file /dev/stdin
