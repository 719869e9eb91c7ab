# The server is called more important than everybody else's work, and the scheduler makes room for it.
kubectl apply -f - <<YAML
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata:
  name: $NAMESPACE-urgent
value: 1000000
YAML
kubectl patch deployment vllm-server -p '{"spec": {"template": {"spec": {"priorityClassName": "'"$NAMESPACE-urgent"'"}}}}'
