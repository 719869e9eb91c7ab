# Something is Ready behind the Service, answers like the engine and counts like the engine. It is no model.
bash "$SOLUTION"
model=$(kubectl get deployment vllm-server -o jsonpath='{.spec.template.spec.containers[?(@.name=="vllm")].args[0]}')
code=$(python3 -c 'import json, sys; print(json.dumps(sys.stdin.read()))' <"$(dirname "$0")/../../canned.py")
kubectl patch deployment vllm-server --patch-file /dev/stdin <<YAML
spec:
  template:
    spec:
      containers:
        - name: vllm
          command: [python3, -c, $code]
          args: ["$model"]
YAML
