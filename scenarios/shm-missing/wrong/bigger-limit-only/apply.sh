# More memory for the container; /dev/shm stays as small as it was.
kubectl patch deployment vllm-server --type=json -p '[
  {"op": "replace", "path": "/spec/template/spec/containers/0/resources/limits/memory", "value": "12Gi"}
]'
