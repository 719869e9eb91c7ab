# The right volume where nobody looks for it.
kubectl patch deployment vllm-server --patch-file /dev/stdin <<'YAML'
spec:
  template:
    spec:
      containers:
        - name: vllm
          volumeMounts:
            - {name: shm, mountPath: /shm}
      volumes:
        - name: shm
          emptyDir: {medium: Memory, sizeLimit: 1Gi}
YAML
