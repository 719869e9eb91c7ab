# The same again.
kubectl rollout restart deployment vllm-server
