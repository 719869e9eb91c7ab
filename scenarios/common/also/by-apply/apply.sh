# The manifest is exported, freed of what the cluster wrote into it, given its team's name, and applied anew.
bash "$SOLUTION"
manifest=$(kubectl get deployment,service vllm-server -o json | python3 -c '
import json, sys
found = json.load(sys.stdin)
for item in found["items"]:
    item.pop("status", None)
    was = item["metadata"]
    item["metadata"] = {"name": was["name"], "labels": {**was.get("labels", {}), "team": "assistant"}}
    for key in ("clusterIP", "clusterIPs"):
        item["spec"].pop(key, None)
    if item["kind"] == "Deployment":
        item["spec"]["template"]["metadata"]["labels"]["team"] = "assistant"
found["metadata"] = {}
print(json.dumps(found))')
kubectl delete deployment vllm-server --cascade=foreground --wait=true
kubectl apply -f - <<<"$manifest"
