# A folder of the node's disk where memory should be: it starts.
bash "$SOLUTION"
kubectl patch deployment vllm-server --patch-file /dev/stdin <<'YAML'
spec:
  template:
    spec:
      volumes:
        - name: shm
          $retainKeys: [name, emptyDir]
          emptyDir: {medium: null, sizeLimit: null}
YAML
