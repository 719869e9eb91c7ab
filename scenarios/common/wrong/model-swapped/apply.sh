# A tiny model with random weights lies where the promised one should: name and path are right.
bash "$SOLUTION"
model=$(kubectl get deployment vllm-server -o jsonpath='{.spec.template.spec.containers[?(@.name=="vllm")].args[0]}')
image=$(kubectl get deployment vllm-server -o jsonpath='{.spec.template.spec.containers[?(@.name=="vllm")].image}')
kubectl patch deployment vllm-server --patch-file /dev/stdin <<YAML
spec:
  template:
    spec:
      initContainers:
        - name: fetch
          image: $image
          imagePullPolicy: IfNotPresent
          command: [sh, -c, cp -rL /models/tiny-random/. /fetched]
          volumeMounts:
            - {name: fetched, mountPath: /fetched}
      containers:
        - name: vllm
          volumeMounts:
            - {name: fetched, mountPath: "/models/$model"}
      volumes:
        - name: fetched
          emptyDir: {}
YAML
