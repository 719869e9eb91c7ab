# The server answers, at a port that nobody was told.
bash "$SOLUTION"
kubectl patch service vllm-server --type=merge --patch-file /dev/stdin <<'YAML'
spec:
  ports: [{name: http, port: 9000, targetPort: http}]
YAML
