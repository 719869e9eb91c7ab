# The namespace first and its labels after it; the numbers in a table, as kubectl shows them.
kubectl create namespace "$NAMESPACE"
kubectl label namespace "$NAMESPACE" app.kubernetes.io/managed-by=vlab "vlab.dev/instance=$INSTANCE" \
    "vlab.dev/exercise=$NAMESPACE" "vlab.dev/scenario=$EXERCISE" "vlab.dev/learner=$LEARNER"
gpus=$(kubectl get nodes -o custom-columns='G:.status.allocatable.nvidia\.com/gpu' --no-headers | grep '[1-9]')
cat >"$ANSWERS/gpu-scheduling.md" <<MARKDOWN
| what | how many |
|---|---|
| **Nodes with a GPU** | $(wc -l <<<"$gpus") |
| **GPUs in all** | \`$(awk '{all += $1} END {print all}' <<<"$gpus")\` |
| **Most GPUs for one pod** | $(sort -n <<<"$gpus" | tail -1) |
MARKDOWN
