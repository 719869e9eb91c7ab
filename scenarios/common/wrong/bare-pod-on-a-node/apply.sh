# No controller and no scheduler: the pod names its node itself.
bash "$SOLUTION"
kubectl rollout status deployment vllm-server --timeout=180s
node=$(kubectl get pods -l app=vllm-server -o jsonpath='{.items[0].spec.nodeName}')
pod=$(kubectl get deployment vllm-server -o json | NODE="$node" python3 -c '
import json, os, sys
template = json.load(sys.stdin)["spec"]["template"]
metadata = {"name": "vllm-server", "labels": template["metadata"]["labels"]}
spec = {**template["spec"], "nodeName": os.environ["NODE"]}
print(json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}))')
kubectl delete deployment vllm-server --cascade=foreground --wait=true
kubectl apply -f - <<<"$pod"
