# An autoscaler on CPU: an engine that computes is busy at one request as at a hundred, and nobody measures CPU here.
kubectl autoscale deployment vllm-server --cpu-percent=80 --min=1 --max=3
