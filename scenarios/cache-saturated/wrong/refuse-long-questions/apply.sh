# A server in front of the engine's own would do the same: who asks for much is turned away.
kubectl get deployment vllm-server -o json | python3 ../../../common/patch_args.py --num-gpu-blocks-override- --max-num-queued-tokens=1000 --max-num-seqs=4 |
    kubectl patch deployment vllm-server --patch-file /dev/stdin
