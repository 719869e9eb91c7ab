# Slower, so that less arrives.
kubectl set resources deployment vllm-server --containers=vllm --limits=cpu=1
