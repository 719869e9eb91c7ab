# A Deployment of another name, with other labels, to which the Service leads.
bash "$SOLUTION"
other=$(kubectl get deployment vllm-server -o json | python3 -c '
import json, sys
spec = json.load(sys.stdin)["spec"]
labels = {"app.kubernetes.io/name": "assistant"}
spec["selector"] = {"matchLabels": labels}
spec["template"]["metadata"] = {"labels": labels}
metadata = {"name": "assistant", "labels": labels}
print(json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}))')
kubectl delete deployment vllm-server --cascade=foreground --wait=true
kubectl apply -f - <<<"$other"
kubectl patch service vllm-server --type=merge -p '{"spec": {"selector": {"app": null, "app.kubernetes.io/name": "assistant"}}}'
