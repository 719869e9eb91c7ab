# The pods are gone for a moment; their Deployment makes them again.
kubectl delete pods --all --namespace "$NAMESPACE-last-week"
