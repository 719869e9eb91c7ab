# A StatefulSet that makes its own claim, with the cache where HF_HOME says, and more shared memory than is needed.
cache_at=/cache
env='[{name: HF_HOME, value: /cache}]'
shm_volume='emptyDir: {medium: Memory, sizeLimit: 2Gi}'
source ../../manifest.sh
address | kubectl apply -f -
{
    cat <<YAML
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: vllm-server}
spec:
  serviceName: vllm-server
  replicas: 1
  volumeClaimTemplates:
    - metadata: {name: model-cache}
      spec:
        accessModes: [ReadWriteOnce]
        resources: {requests: {storage: 2Gi}}
YAML
    template | sed '/name: model-cache$/,+1d'
} | kubectl apply -f -
kubectl rollout status statefulset/vllm-server --timeout=250s
kubectl exec vllm-server-0 -- sh -c 'date > /cache/first-start'
cat >"$ANSWERS/deploy-with-cache.md" <<'MARKDOWN'
| what | where |
|---|---|
| Cache is mounted at | `/cache` (`HF_HOME`) |
| Claim behind it | `model-cache-vllm-server-0` |
| MiB of /dev/shm | 2 GiB |
MARKDOWN
kubectl delete pod vllm-server-0
