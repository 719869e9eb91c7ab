# The volume is told to outlive its claim, and nobody comes back for it.
source ../../steps.sh
lessons
kubectl rollout status deployment/vllm-server --timeout=250s
volume=$(kubectl get persistentvolumeclaim model-cache-pvc -o jsonpath='{.spec.volumeName}')
kubectl patch persistentvolume "$volume" --patch '{"spec": {"persistentVolumeReclaimPolicy": "Retain"}}'
kubectl delete namespace "$NAMESPACE" --timeout=200s
