# The namespace goes in its own time.
kubectl delete namespace "$NAMESPACE-last-week" --wait=false
