# The server is gone; the claim, its volume and the namespace are not.
source ../../steps.sh
lessons
kubectl delete deployment vllm-server --cascade=foreground
