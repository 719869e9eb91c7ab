# A namespace with the labels, but of another name than the one that all later tasks use.
bash "$SOLUTION"
kubectl delete namespace "$NAMESPACE"
kubectl create namespace "$NAMESPACE-course"
kubectl label namespace "$NAMESPACE-course" app.kubernetes.io/managed-by=vlab "vlab.dev/exercise=$NAMESPACE"
