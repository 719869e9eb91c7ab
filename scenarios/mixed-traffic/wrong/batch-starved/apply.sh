# Batch has an engine of its own that may hardly compute.
bash "$SOLUTION"
kubectl set resources deployment vllm-batch --containers=vllm --limits=cpu=400m --requests=cpu=100m
