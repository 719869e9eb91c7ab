# A node is told that it has a made-up kind of GPU, four of them, and the pod asks for those.
bash "$SOLUTION"
node=$(kubectl get nodes -l nvidia.com/gpu.present=true -o jsonpath='{.items[0].metadata.name}')
kubectl patch node "$node" --subresource=status --type=merge \
  -p '{"status": {"capacity": {"nvidia.com/gpu.shared": "4"}}}'
kubectl patch deployment vllm-server --patch-file /dev/stdin <<'YAML'
spec:
  template:
    spec:
      containers:
        - name: vllm
          resources:
            requests: {nvidia.com/gpu: null, nvidia.com/gpu.shared: 4}
            limits: {nvidia.com/gpu: null, nvidia.com/gpu.shared: 4}
YAML
