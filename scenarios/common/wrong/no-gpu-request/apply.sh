# It starts, on a GPU that the scheduler does not know it uses.
bash "$SOLUTION"
kubectl patch deployment vllm-server --patch-file /dev/stdin <<'YAML'
spec:
  template:
    spec:
      containers:
        - name: vllm
          resources:
            requests: {nvidia.com/gpu: null}
            limits: {nvidia.com/gpu: null}
YAML
