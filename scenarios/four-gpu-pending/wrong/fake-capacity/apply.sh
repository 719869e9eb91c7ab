# A node is told that it has a made-up kind of GPU, four of them, and the pod asks for those.
node=$(kubectl get nodes -l nvidia.com/gpu.present=true -o jsonpath='{.items[0].metadata.name}')
kubectl patch node "$node" --subresource=status --type=json \
  -p '[{"op": "add", "path": "/status/capacity/nvidia.com~1gpu.shared", "value": "4"}]'
kubectl patch deployment vllm-server --type=json -p '[
  {"op": "replace", "path": "/spec/template/spec/containers/0/resources/requests", "value": {"nvidia.com/gpu.shared": "4"}},
  {"op": "replace", "path": "/spec/template/spec/containers/0/resources/limits", "value": {"nvidia.com/gpu.shared": "4"}}
]'
