# Past the scheduler: the pod is put on a node by name, whatever that node has promised to others.
bash "$SOLUTION"
kubectl rollout status deployment vllm-server --timeout=180s
node=$(kubectl get pods -l app=vllm-server -o jsonpath='{.items[0].spec.nodeName}')
kubectl patch deployment vllm-server -p '{"spec": {"template": {"spec": {"nodeName": "'"$node"'"}}}}'
