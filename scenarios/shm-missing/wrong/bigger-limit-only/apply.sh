# More memory for the container; /dev/shm stays as small as it was.
kubectl set resources deployment vllm-server -c vllm --limits=memory=12Gi
