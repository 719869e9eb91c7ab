# Past the scheduler: the pod is put on a node by name, whatever that node has promised to others.
node=$(kubectl get nodes -l nvidia.com/gpu.present=true -o jsonpath='{.items[0].metadata.name}')
kubectl patch deployment vllm-server --type=json -p '[
  {"op": "test", "path": "/spec/template/spec/containers/0/args/3", "value": "--tensor-parallel-size=4"},
  {"op": "remove", "path": "/spec/template/spec/containers/0/args/3"},
  {"op": "replace", "path": "/spec/template/spec/containers/0/resources/requests/nvidia.com~1gpu", "value": "1"},
  {"op": "replace", "path": "/spec/template/spec/containers/0/resources/limits/nvidia.com~1gpu", "value": "1"},
  {"op": "add", "path": "/spec/template/spec/nodeName", "value": "'"$node"'"}
]'
