# The address is the promised one; behind it is a pod of another namespace.
bash "$SOLUTION"
bash "$(dirname "$0")/../../canned-elsewhere.sh"
address=$(kubectl get pod canned --namespace "$NAMESPACE-elsewhere" -o jsonpath='{.status.podIP}')
kubectl delete service vllm-server
kubectl apply -f - <<YAML
apiVersion: v1
kind: Service
metadata:
  name: vllm-server
spec:
  ports: [{name: http, port: 8000, targetPort: 8000}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: vllm-server-by-hand
  labels: {kubernetes.io/service-name: vllm-server}
addressType: IPv4
ports: [{name: http, port: 8000, protocol: TCP}]
endpoints:
  - addresses: ["$address"]
    conditions: {ready: true}
YAML
