# More places for the same blocks.
kubectl get deployment vllm-server -o json | python3 ../../../common/patch_args.py --max-num-seqs=256 |
    kubectl patch deployment vllm-server --patch-file /dev/stdin
