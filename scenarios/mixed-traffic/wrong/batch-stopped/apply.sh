# Nobody is in chat's way where nobody else is served.
kubectl delete service vllm-batch
