# The note of somebody who looked at the nodes and made nothing.
bash "$SOLUTION"
kubectl delete namespace "$NAMESPACE"
