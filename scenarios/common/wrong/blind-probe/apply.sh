# Something asks, and the answer is always yes: clients are sent to an engine that still loads.
bash "$SOLUTION"
kubectl patch deployment vllm-server --patch-file /dev/stdin <<'YAML'
spec:
  template:
    spec:
      containers:
        - name: vllm
          startupProbe: null
          readinessProbe:
            httpGet: null
            exec: {command: ["true"]}
YAML
