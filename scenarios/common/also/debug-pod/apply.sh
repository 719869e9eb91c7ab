# What an investigation left standing: a pod to look around in, and one behind the Service that is never ready.
bash "$SOLUTION"
image=$(kubectl get deployment vllm-server -o jsonpath='{.spec.template.spec.containers[?(@.name=="vllm")].image}')
kubectl run debug --image="$image" --image-pull-policy=IfNotPresent --command -- sleep infinity
kubectl apply -f - <<'YAML'
apiVersion: v1
kind: Pod
metadata:
  name: leftover
  labels: {app: vllm-server}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: leftover
      image: registry.k8s.io/pause:3.10
      imagePullPolicy: IfNotPresent
      ports: [{name: http, containerPort: 8000}]
      readinessProbe:
        httpGet: {path: /health, port: http}
YAML
