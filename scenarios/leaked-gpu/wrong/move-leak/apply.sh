# The finished exercise goes on in a namespace that carries no name, with one GPU fewer.
moved=$(kubectl get deployment "exercise-$NUMBER" --namespace "$NAMESPACE-last-week" -o json | python3 -c '
import json, sys
spec = json.load(sys.stdin)["spec"]
spec["replicas"] -= 1
spec["template"]["metadata"]["labels"].pop("owner")
print(json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "archive"}, "spec": spec}))')
bash "$SOLUTION"
kubectl rollout status deployment vllm-server --timeout=180s
kubectl create namespace "$NAMESPACE-archive"
kubectl apply --namespace "$NAMESPACE-archive" -f - <<<"$moved"
