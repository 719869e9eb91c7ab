# The namespace is gone, and the template is as it was.
kubectl delete namespace "$NAMESPACE" --timeout=200s
