# Shared memory, and more memory for the container, since what is in the one counts towards the other.
bash "$SOLUTION"
kubectl set resources deployment vllm-server -c vllm --limits=memory=8Gi
