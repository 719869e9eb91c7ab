# Two of the GPUs that are free again are put to use.
bash "$SOLUTION"
kubectl scale deployment vllm-server --replicas=2
