# The manifest is exported, edited in one go, and takes the place of the old one, which is deleted first.
manifest=$(kubectl get deployment vllm-server -o json | python3 -c '
import json, sys
found = json.load(sys.stdin)
found["metadata"] = {"name": "vllm-server", "labels": found["metadata"]["labels"]}
(vllm,) = (c for c in found["spec"]["template"]["spec"]["containers"] if c["name"] == "vllm")
vllm["args"] = [a for a in vllm["args"] if not a.startswith("--tensor-parallel-size")]
for part in ("requests", "limits"):
    vllm["resources"][part]["nvidia.com/gpu"] = "1"
del found["status"]
print(json.dumps(found))')
kubectl replace --force -f - <<<"$manifest"
