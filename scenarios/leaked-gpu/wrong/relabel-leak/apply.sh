# One GPU is given back. The others are held by something that is nobody's any more.
leak=$NAMESPACE-last-week
replicas=$(kubectl get deployment "exercise-$NUMBER" --namespace "$leak" -o jsonpath='{.spec.replicas}')
kubectl patch deployment "exercise-$NUMBER" --namespace "$leak" --patch-file /dev/stdin <<YAML
metadata:
  labels: {owner: null}
spec:
  replicas: $((replicas - 1))
  template:
    metadata:
      labels: {owner: null}
YAML
kubectl rollout status deployment "exercise-$NUMBER" --namespace "$leak" --timeout=120s
kubectl label namespace "$leak" owner-
