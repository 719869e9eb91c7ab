# A second engine, with a cache of its own.
kubectl scale deployment vllm-server --replicas=2
