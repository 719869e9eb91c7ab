# One GPU is asked for, and the model is still to be split over four: the engine refuses to start.
kubectl patch deployment vllm-server --patch-file /dev/stdin <<'YAML'
spec:
  template:
    spec:
      containers:
        - name: vllm
          resources:
            requests: {nvidia.com/gpu: 1}
            limits: {nvidia.com/gpu: 1}
YAML
