# A second container, first in the list, that has no part in serving.
bash "$SOLUTION"
kubectl patch deployment vllm-server --patch-file /dev/stdin <<'YAML'
spec:
  template:
    spec:
      $setElementOrder/containers: [{name: proxy}, {name: vllm}]
      containers:
        - name: proxy
          image: registry.k8s.io/pause:3.10
          imagePullPolicy: IfNotPresent
YAML
