# Changes nginx's configuration in the ConfigMap `edge` by a sed expression, and lets nginx read it.
# Usage: edge.sh 's/old/new/'
set -euo pipefail
conf=$(kubectl get configmap edge -o jsonpath='{.data.nginx\.conf}' | sed -E "$1")
kubectl patch configmap edge --type merge --patch-file /dev/stdin <<<"$(python3 -c '
import json, sys
print(json.dumps({"data": {"nginx.conf": sys.stdin.read()}}))' <<<"$conf")"
kubectl rollout restart deployment edge
