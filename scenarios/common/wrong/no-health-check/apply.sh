# Nobody asks any more whether the engine is loaded: it gets requests as soon as its process runs.
bash "$SOLUTION"
kubectl patch deployment vllm-server --patch-file /dev/stdin <<'YAML'
spec:
  template:
    spec:
      containers:
        - name: vllm
          startupProbe: null
          readinessProbe: null
          livenessProbe: null
YAML
