# Deploys a second engine as the first one is, but for its name, and sends the clients of a Service to it.
# Usage: second_engine.sh NAME SERVICE
set -euo pipefail
kubectl get deployment vllm-server -o json | NAME=$1 python3 -c '
import json, os, sys
found, name = json.load(sys.stdin), os.environ["NAME"]
spec = {k: found["spec"][k] for k in ("replicas", "strategy", "template")}
spec["selector"] = {"matchLabels": {"app": name}}
spec["template"]["metadata"] = {"labels": {"app": name}}
print(json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}))' |
    kubectl apply -f -
kubectl patch service "$2" --patch "{\"spec\": {\"selector\": {\"app\": \"$1\"}}}"
