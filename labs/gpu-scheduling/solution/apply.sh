# The namespace with its labels, and the numbers as the nodes say them.
kubectl apply -f - <<YAML
apiVersion: v1
kind: Namespace
metadata:
  name: $NAMESPACE
  labels:
    app.kubernetes.io/managed-by: vlab
    vlab.dev/instance: "$INSTANCE"
    vlab.dev/exercise: $NAMESPACE
    vlab.dev/scenario: $EXERCISE
    vlab.dev/learner: "$LEARNER"
YAML
numbers=$(kubectl get nodes -o jsonpath='{range .items[*]}{.status.allocatable.nvidia\.com/gpu}{"\n"}{end}' |
    awk '$1 > 0 {nodes++; all += $1; if ($1 > most) most = $1} END {print nodes + 0, all + 0, most + 0}')
read -r nodes all most <<<"$numbers"
cat >"$ANSWERS/gpu-scheduling.md" <<MARKDOWN
# GPUs of this cluster

- nodes with a GPU: $nodes
- GPUs in all: $all
- most GPUs for one pod: $most
MARKDOWN
