# A little more than the log asks for: what the engine then writes fits.
kubectl patch deployment vllm-server --patch-file /dev/stdin <<'YAML'
spec:
  template:
    spec:
      containers:
        - name: vllm
          volumeMounts:
            - {name: shm, mountPath: /dev/shm}
      volumes:
        - name: shm
          emptyDir: {medium: Memory, sizeLimit: 320Mi}
YAML
