# The model cache goes with the pod: every restart fetches the weights again.
bash "$SOLUTION"
kubectl patch deployment vllm-server --patch-file /dev/stdin <<'YAML'
spec:
  template:
    spec:
      volumes:
        - name: model-cache
          persistentVolumeClaim: null
          emptyDir: {}
YAML
