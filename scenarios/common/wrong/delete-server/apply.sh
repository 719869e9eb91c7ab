# The incident is gone, and the server with it.
bash "$SOLUTION"
kubectl delete deployment vllm-server
