# What scripts of this task have in common: the key by a Secret, and the note, measured in the engine's own container.
guard() {
    kubectl create secret generic vllm-api-key --from-literal=key="$1"
    kubectl patch deployment vllm-server --patch-file /dev/stdin <<'YAML'
spec:
  template:
    spec:
      containers:
        - name: vllm
          env:
            - {name: VLLM_API_KEY, valueFrom: {secretKeyRef: {name: vllm-api-key, key: key}}}
YAML
}

ready() {
    kubectl rollout status deployment/vllm-server --timeout=250s
}

measure() {
    kubectl exec -i deployment/vllm-server -- python3 - "$MODEL" "$1" "$CONTEXT" \
        <"$(dirname "${BASH_SOURCE[0]}")/measure.py" >"$ANSWERS/api.md"
}

instead() {
    sed -i "s/^- $1: .*/- $1: $2/" "$ANSWERS/api.md"
}
