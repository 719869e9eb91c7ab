# The node is told that it has GPUs which it does not have.
node=$(kubectl get nodes -l nvidia.com/gpu.present=true -o name | head -n 1)
kubectl patch "$node" --subresource=status --type=json \
  -p '[{"op": "replace", "path": "/status/capacity/nvidia.com~1gpu", "value": "4"},
       {"op": "replace", "path": "/status/allocatable/nvidia.com~1gpu", "value": "4"}]'
