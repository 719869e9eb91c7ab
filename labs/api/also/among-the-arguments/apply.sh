# The key among the arguments, beside one for another team; the note in a table.
source ../../steps.sh
kubectl get deployment vllm-server -o json |
    KEY=$KEY python3 -c '
import json, os, sys
found = json.load(sys.stdin)["spec"]["template"]["spec"]["containers"][0]
args = [*found["args"], "--api-key", os.environ["KEY"], "another-team"]
print(json.dumps({"spec": {"template": {"spec": {"containers": [{"name": found["name"], "args": args}]}}}}))' |
    kubectl patch deployment vllm-server --patch-file /dev/stdin
ready
measure "$KEY"
sed -i -E 's/^- ([a-z ]+): (.*)/| \1 | \2 |/' "$ANSWERS/api.md"
