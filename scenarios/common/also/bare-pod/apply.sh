# No controller at all: the promises say nothing of one.
bash "$SOLUTION"
pod=$(kubectl get deployment vllm-server -o json | python3 -c '
import json, sys
template = json.load(sys.stdin)["spec"]["template"]
metadata = {"name": "vllm-server", "labels": template["metadata"]["labels"]}
print(json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}))')
kubectl delete deployment vllm-server --cascade=foreground --wait=true
kubectl apply -f - <<<"$pod"
