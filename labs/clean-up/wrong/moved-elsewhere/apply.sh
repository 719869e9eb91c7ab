# The namespace is gone, after a pod with a GPU was put into another one, "for later".
source ../../steps.sh
lessons
image=$(kubectl get deployment vllm-server -o jsonpath='{.spec.template.spec.containers[0].image}')
kubectl create namespace "$NAMESPACE-later"
kubectl --namespace "$NAMESPACE-later" apply -f - <<YAML
apiVersion: v1
kind: Pod
metadata: {name: for-later}
spec:
  containers:
    - name: idle
      image: $image
      imagePullPolicy: IfNotPresent
      command: [sleep, infinity]
      resources: {limits: {nvidia.com/gpu: 1}}
YAML
kubectl delete namespace "$NAMESPACE" --timeout=200s
