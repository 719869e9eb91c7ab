# The cache is large enough now, and half a core has to do what two did.
bash "$SOLUTION"
kubectl set resources deployment vllm-server --containers=vllm --limits=cpu=500m
