# The finished exercise goes, with everything that belongs to it.
kubectl delete namespace "$NAMESPACE-last-week" --ignore-not-found --wait=true
