# Memory, but the node's: it is shared with whoever mounts it, has no limit, and stays when the pod is gone.
image=$(kubectl get deployment vllm-server -o jsonpath='{.spec.template.spec.containers[?(@.name=="vllm")].image}')
kubectl patch deployment vllm-server --patch-file /dev/stdin <<YAML
spec:
  template:
    spec:
      initContainers:
        - name: open-shm
          image: $image
          imagePullPolicy: IfNotPresent
          command: [chmod, "1777", /dev/shm]
          securityContext: {runAsUser: 0, runAsNonRoot: false}
          volumeMounts:
            - {name: shm, mountPath: /dev/shm}
      containers:
        - name: vllm
          volumeMounts:
            - {name: shm, mountPath: /dev/shm}
      volumes:
        - name: shm
          hostPath: {path: /run/vlab-shm, type: DirectoryOrCreate}
YAML
