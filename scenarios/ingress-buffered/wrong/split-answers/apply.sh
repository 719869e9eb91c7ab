# Whole answers, cut up: many events, all of them late. The engine's own image has a Python to do it with.
image=$(kubectl get deployment vllm-server -o jsonpath='{.spec.template.spec.containers[0].image}')
kubectl create configmap split --from-file=split.py
kubectl patch deployment edge --patch-file /dev/stdin <<YAML
spec:
  template:
    spec:
      containers:
        - name: nginx
          image: $image
          command: [python3, /split/split.py]
          volumeMounts: [{name: split, mountPath: /split}]
      volumes: [{name: split, configMap: {name: split}}]
YAML
