# The leak is gone, and so is this week's server.
kubectl delete namespace "$NAMESPACE-last-week" --wait=true
kubectl scale deployment vllm-server --replicas=0
