# It starts, on a GPU that the scheduler has given to somebody else.
kubectl patch deployment vllm-server --type=json -p '[
  {"op": "remove", "path": "/spec/template/spec/containers/0/resources/requests/nvidia.com~1gpu"},
  {"op": "remove", "path": "/spec/template/spec/containers/0/resources/limits/nvidia.com~1gpu"}
]'
