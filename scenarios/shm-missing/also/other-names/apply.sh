# The volume is called as its team calls it, and mounted together with the folder for temporary files.
kubectl patch deployment vllm-server --patch-file /dev/stdin <<'YAML'
spec:
  template:
    spec:
      containers:
        - name: vllm
          volumeMounts:
            - {name: dshm, mountPath: /dev/shm}
            - {name: scratch, mountPath: /tmp}
      volumes:
        - name: dshm
          emptyDir: {medium: Memory, sizeLimit: 2Gi}
        - name: scratch
          emptyDir: {}
YAML
