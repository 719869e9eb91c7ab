# The server's manifest and what is done with it; a script sets what is otherwise before it calls these.
cache_at=${cache_at:-$CACHE_PATH}
cache_volume=${cache_volume:-'persistentVolumeClaim: {claimName: model-cache-pvc}'}
shm_volume=${shm_volume:-"emptyDir: {medium: Memory, sizeLimit: $SHM_SIZE}"}
service=${service:-vllm-server}
limits=${limits:-$LIMITS}
requests=${requests:-$REQUESTS}

claim() {
    cat <<YAML
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: model-cache-pvc}
spec:
  accessModes: $ACCESS_MODES
  resources: {requests: {storage: $CACHE_SIZE}}
YAML
}

address() {
    cat <<YAML
apiVersion: v1
kind: Service
metadata: {name: $service}
spec:
  selector: {app: vllm-server}
  ports:
    - {name: http, port: 8000, targetPort: http}
YAML
}

template() {
    cat <<YAML
  selector: {matchLabels: {app: vllm-server}}
  template:
    metadata: {labels: {app: vllm-server}}
    spec:
      enableServiceLinks: false
      securityContext: $SECURITY_CONTEXT
      containers:
        - name: vllm
          image: $IMAGE
          imagePullPolicy: IfNotPresent
          args: $ARGUMENTS
          env: ${env:-[]}
          ports: [{name: http, containerPort: 8000}]
          resources: {requests: $requests, limits: $limits}
          startupProbe: {httpGet: {path: /health, port: http}, periodSeconds: 1, failureThreshold: $STARTUP_SECONDS}
          readinessProbe: {httpGet: {path: /health, port: http}, periodSeconds: 2, timeoutSeconds: 5}
          volumeMounts:
            - {name: model-cache, mountPath: $cache_at}
            - {name: shm, mountPath: ${shm_at:-/dev/shm}}
      volumes:
        - name: model-cache
          $cache_volume
        - name: shm
          $shm_volume
YAML
}

deployment() {
    cat <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: vllm-server}
spec:
  replicas: 1
  strategy: {type: Recreate}
YAML
    template
}

deploy() {
    for part in claim address deployment; do
        "$part" | kubectl apply -f -
    done
}

ready() {
    kubectl rollout status deployment/vllm-server --timeout=250s
}

leave_a_file() {
    kubectl exec deployment/vllm-server -- sh -c "date > $cache_at/first-start"
}

note() {
    cat >"$ANSWERS/deploy-with-cache.md" <<MARKDOWN
# Where the server keeps what

- cache is mounted at: $cache_at
- claim behind it: ${1:-model-cache-pvc}
- MiB of /dev/shm: $(kubectl exec deployment/vllm-server -- df -m --output=size /dev/shm | tail -1)
MARKDOWN
}
