# The address is another name for a Service of another namespace.
bash "$SOLUTION"
bash "$(dirname "$0")/../../canned-elsewhere.sh"
kubectl delete service vllm-server
kubectl create service externalname vllm-server --tcp=8000:8000 \
  --external-name="canned.$NAMESPACE-elsewhere.svc.cluster.local"
