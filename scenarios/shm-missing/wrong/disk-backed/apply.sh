# A folder of the node's disk where memory should be: it starts.
kubectl patch deployment vllm-server --type=json -p '[
  {"op": "add", "path": "/spec/template/spec/volumes/-", "value": {"name": "shm", "emptyDir": {}}},
  {"op": "add", "path": "/spec/template/spec/containers/0/volumeMounts/-",
   "value": {"name": "shm", "mountPath": "/dev/shm"}}
]'
