# Pods are replaced one by one, none beside the old one: that needs no spare GPU either.
kubectl patch deployment vllm-server --patch-file /dev/stdin <<'YAML'
spec:
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxSurge: 0, maxUnavailable: 1}
YAML
bash "$SOLUTION"
