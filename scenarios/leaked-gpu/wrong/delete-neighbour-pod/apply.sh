# The neighbour's pod goes until the server is on its node; its Deployment is left with a pod that waits.
for _ in $(seq 20); do
  node=$(kubectl get pods -l app=vllm-server -o jsonpath='{.items[*].spec.nodeName}')
  if [ -n "$node" ]; then break; fi
  kubectl delete pods --all --namespace "$NAMESPACE-neighbour"
  sleep 3
done
