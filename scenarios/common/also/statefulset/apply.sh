# A StatefulSet keeps the same pod running as well as a Deployment does.
bash "$SOLUTION"
set=$(kubectl get deployment vllm-server -o json | python3 -c '
import json, sys
spec = json.load(sys.stdin)["spec"]
kept = {"serviceName": "vllm-server", **{key: spec[key] for key in ("replicas", "selector", "template")}}
print(json.dumps({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "vllm-server"}, "spec": kept}))')
kubectl delete deployment vllm-server --cascade=foreground --wait=true
kubectl apply -f - <<<"$set"
