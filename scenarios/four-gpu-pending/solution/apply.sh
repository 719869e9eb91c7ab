# One GPU for the replica, and a model that is not split.
args=$(kubectl get deployment vllm-server -o json | python3 -c '
import json, sys
pod = json.load(sys.stdin)["spec"]["template"]["spec"]
(args,) = (c["args"] for c in pod["containers"] if c["name"] == "vllm")
print(json.dumps([a for a in args if not a.startswith("--tensor-parallel-size")]))')
kubectl patch deployment vllm-server --patch-file /dev/stdin <<YAML
spec:
  template:
    spec:
      containers:
        - name: vllm
          args: $args
          resources:
            requests: {nvidia.com/gpu: 1}
            limits: {nvidia.com/gpu: 1}
YAML
