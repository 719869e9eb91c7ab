# The lessons first, then the namespace with all that is in it.
source ../steps.sh
lessons
kubectl delete namespace "$NAMESPACE" --timeout=200s
