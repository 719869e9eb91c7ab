# The flag stays, and says one.
kubectl get deployment vllm-server -o json |
  python3 "$(dirname "$0")/../../../common/patch_args.py" --tensor-parallel-size=1 |
  kubectl patch deployment vllm-server --patch-file /dev/stdin
kubectl set resources deployment vllm-server -c vllm --requests=nvidia.com/gpu=1 --limits=nvidia.com/gpu=1
