# The pod has its GPU. The container that serves has none.
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
        - name: idle
          image: registry.k8s.io/pause:3.10
          resources:
            requests: {nvidia.com/gpu: 1}
            limits: {nvidia.com/gpu: 1}
YAML
