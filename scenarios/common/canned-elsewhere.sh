# A server with canned answers in another namespace, behind a Service of its own.
model=$(kubectl get deployment vllm-server -o jsonpath='{.spec.template.spec.containers[?(@.name=="vllm")].args[0]}')
image=$(kubectl get deployment vllm-server -o jsonpath='{.spec.template.spec.containers[?(@.name=="vllm")].image}')
code=$(python3 -c 'import json, sys; print(json.dumps(sys.stdin.read()))' <"$(dirname "$0")/canned.py")
kubectl apply --namespace "$NAMESPACE-elsewhere" -f - <<YAML
apiVersion: v1
kind: Namespace
metadata:
  name: $NAMESPACE-elsewhere
---
apiVersion: v1
kind: Pod
metadata:
  name: canned
  labels: {app: canned}
spec:
  enableServiceLinks: false
  terminationGracePeriodSeconds: 1
  containers:
    - name: vllm
      image: $image
      imagePullPolicy: IfNotPresent
      command: [python3, -c, $code]
      args: ["$model"]
      ports: [{name: http, containerPort: 8000}]
      readinessProbe:
        httpGet: {path: /health, port: http}
        periodSeconds: 1
---
apiVersion: v1
kind: Service
metadata:
  name: canned
spec:
  selector: {app: canned}
  ports: [{name: http, port: 8000, targetPort: http}]
YAML
kubectl wait --namespace "$NAMESPACE-elsewhere" pod/canned --for=condition=Ready --timeout=120s
