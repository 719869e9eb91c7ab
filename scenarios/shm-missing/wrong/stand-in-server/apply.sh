# Something is Ready behind the Service, on good shared memory, and answers health checks. It is no model.
kubectl patch deployment vllm-server --type=json -p '[
  {"op": "add", "path": "/spec/template/spec/containers/0/command",
   "value": ["sh", "-c", "cd /tmp && touch health && exec python3 -m http.server 8000"]},
  {"op": "remove", "path": "/spec/template/spec/containers/0/args"},
  {"op": "add", "path": "/spec/template/spec/volumes/-",
   "value": {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}},
  {"op": "add", "path": "/spec/template/spec/containers/0/volumeMounts/-",
   "value": {"name": "shm", "mountPath": "/dev/shm"}}
]'
