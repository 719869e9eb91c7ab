# One GPU for each of two replicas: the cluster's GPUs are put to use.
bash "$SOLUTION"
kubectl scale deployment vllm-server --replicas=2
