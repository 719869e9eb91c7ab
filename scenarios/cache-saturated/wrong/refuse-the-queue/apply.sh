# A short queue, by turning people away.
kubectl get deployment vllm-server -o json | python3 ../../../common/patch_args.py --num-gpu-blocks-override- --max-num-queued-reqs=2 --max-num-seqs=4 |
    kubectl patch deployment vllm-server --patch-file /dev/stdin
