# A larger pool, and a limit that it can keep.
kubectl get deployment vllm-server -o json | python3 ../../../common/patch_args.py --num-gpu-blocks-override=512 --max-num-seqs=48 |
    kubectl patch deployment vllm-server --patch-file /dev/stdin
