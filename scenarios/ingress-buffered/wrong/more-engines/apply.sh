# The engine was not slow.
kubectl scale deployment vllm-server --replicas=2
