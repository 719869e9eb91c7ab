# Canned answers from a module that is called as the engine's is: its command line looks like the engine's.
bash "$SOLUTION"
model=$(kubectl get deployment vllm-server -o jsonpath='{.spec.template.spec.containers[?(@.name=="vllm")].args[0]}')
code=$(python3 -c 'import json, sys; print(json.dumps(sys.stdin.read()))' <"$(dirname "$0")/../../canned.py")
kubectl patch deployment vllm-server --patch-file /dev/stdin <<YAML
spec:
  template:
    spec:
      containers:
        - name: vllm
          command:
            - sh
            - -c
            - |
              mkdir -p /tmp/vllm/entrypoints/openai && cd /tmp
              touch vllm/__init__.py vllm/entrypoints/__init__.py vllm/entrypoints/openai/__init__.py
              printf %s "\$1" >vllm/entrypoints/openai/api_server.py
              exec python3 -m vllm.entrypoints.openai.api_server --model "\$2"
            - sh
          args: [$code, "$model"]
YAML
