# The old pod goes on answering, while what is deployed can never start.
bash "$SOLUTION"
kubectl rollout status deployment vllm-server --timeout=180s
kubectl patch deployment vllm-server --patch-file /dev/stdin <<'YAML'
spec:
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  template:
    spec:
      containers:
        - name: vllm
          resources:
            requests: {nvidia.com/gpu: 64}
            limits: {nvidia.com/gpu: 64}
YAML
