# Ends the preemptions, and leaves the queue.
kubectl get deployment vllm-server -o json | python3 ../../../common/patch_args.py --max-num-seqs=4 |
    kubectl patch deployment vllm-server --patch-file /dev/stdin
