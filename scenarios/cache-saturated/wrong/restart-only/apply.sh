# Not even a change.
kubectl rollout restart deployment vllm-server
