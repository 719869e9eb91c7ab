# What holds the GPUs goes; the rest of the finished exercise stays.
kubectl delete deployment --all --namespace "$NAMESPACE-last-week"
