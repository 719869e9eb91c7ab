# The server answers, at an address that nobody was told.
bash "$SOLUTION"
kubectl delete service vllm-server
kubectl apply -f - <<'YAML'
apiVersion: v1
kind: Service
metadata:
  name: assistant
spec:
  selector: {app: vllm-server}
  ports: [{name: http, port: 8000, targetPort: http}]
YAML
