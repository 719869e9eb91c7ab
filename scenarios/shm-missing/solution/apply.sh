# Shared memory of a known size, in memory.
kubectl patch deployment vllm-server --type=json -p '[
  {"op": "add", "path": "/spec/template/spec/volumes/-",
   "value": {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}},
  {"op": "add", "path": "/spec/template/spec/containers/0/volumeMounts/-",
   "value": {"name": "shm", "mountPath": "/dev/shm"}}
]'
