# The incident is gone, and the service with it.
kubectl delete deployment vllm-server
