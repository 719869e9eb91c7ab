# Only the limit names the GPU: Kubernetes takes it for the request as well.
kubectl get deployment vllm-server -o json |
  python3 "$(dirname "$0")/../../../common/patch_args.py" --tensor-parallel-size- |
  kubectl patch deployment vllm-server --patch-file /dev/stdin
kubectl patch deployment vllm-server --patch-file /dev/stdin <<'YAML'
spec:
  template:
    spec:
      containers:
        - name: vllm
          resources:
            requests: {nvidia.com/gpu: null}
            limits: {nvidia.com/gpu: 1}
YAML
