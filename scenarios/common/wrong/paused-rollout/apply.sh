# A rollout that is paused hides that what is deployed can never start.
bash "$SOLUTION"
kubectl rollout status deployment vllm-server --timeout=180s
kubectl rollout pause deployment vllm-server
kubectl patch deployment vllm-server --patch-file /dev/stdin <<'YAML'
spec:
  template:
    spec:
      containers:
        - name: vllm
          resources:
            requests: {nvidia.com/gpu: 64}
            limits: {nvidia.com/gpu: 64}
YAML
