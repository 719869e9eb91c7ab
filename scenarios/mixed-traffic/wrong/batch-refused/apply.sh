# An engine of its own that turns away whoever would wait.
bash "$SOLUTION"
kubectl get deployment vllm-batch -o json |
    python3 ../../../common/patch_args.py --max-num-seqs=1 --max-num-queued-reqs=1 |
    kubectl patch deployment vllm-batch --patch-file /dev/stdin
