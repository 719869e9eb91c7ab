# One more port, for whoever reads the metrics, and first in the list.
bash "$SOLUTION"
kubectl patch service vllm-server --type=merge --patch-file /dev/stdin <<'YAML'
spec:
  ports:
    - {name: metrics, port: 9090, targetPort: http}
    - {name: http, port: 8000, targetPort: http}
YAML
