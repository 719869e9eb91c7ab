# The flag and its value as two arguments, which vLLM reads alike.
args=$(kubectl get deployment vllm-server -o json | python3 -c '
import json, sys
pod = json.load(sys.stdin)["spec"]["template"]["spec"]
(args,) = (c["args"] for c in pod["containers"] if c["name"] == "vllm")
kept = [a for a in args if not a.startswith("--tensor-parallel-size")]
print(json.dumps([*kept, "--tensor-parallel-size", "1"]))')
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
