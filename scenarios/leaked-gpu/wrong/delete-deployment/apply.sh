# Nobody waits for a GPU any more.
kubectl delete deployment vllm-server
