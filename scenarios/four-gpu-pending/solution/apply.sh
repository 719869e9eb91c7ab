# One GPU for the replica, and a model that is not split.
kubectl patch deployment vllm-server --type=json -p '[
  {"op": "test", "path": "/spec/template/spec/containers/0/args/3", "value": "--tensor-parallel-size=4"},
  {"op": "remove", "path": "/spec/template/spec/containers/0/args/3"},
  {"op": "replace", "path": "/spec/template/spec/containers/0/resources/requests/nvidia.com~1gpu", "value": "1"},
  {"op": "replace", "path": "/spec/template/spec/containers/0/resources/limits/nvidia.com~1gpu", "value": "1"}
]'
