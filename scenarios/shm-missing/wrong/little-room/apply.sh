# Enough for the engine to start, not for what it does under load.
kubectl patch deployment vllm-server --type=json -p '[
  {"op": "add", "path": "/spec/template/spec/volumes/-",
   "value": {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "320Mi"}}},
  {"op": "add", "path": "/spec/template/spec/containers/0/volumeMounts/-",
   "value": {"name": "shm", "mountPath": "/dev/shm"}}
]'
