# The GPU is free, and everything else is still there.
source ../../steps.sh
lessons
kubectl scale deployment vllm-server --replicas=0
