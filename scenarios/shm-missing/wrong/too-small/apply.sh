# In memory and in the right place, but less than the engine asks for.
kubectl patch deployment vllm-server --type=json -p '[
  {"op": "add", "path": "/spec/template/spec/volumes/-",
   "value": {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "128Mi"}}},
  {"op": "add", "path": "/spec/template/spec/containers/0/volumeMounts/-",
   "value": {"name": "shm", "mountPath": "/dev/shm"}}
]'
