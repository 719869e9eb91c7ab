# Every object by itself, the volume looked after, the namespace last; other headings, other words.
kubectl delete deployment vllm-server --cascade=foreground
kubectl delete service vllm-server
volume=$(kubectl get persistentvolumeclaim model-cache-pvc -o jsonpath='{.spec.volumeName}')
kubectl delete persistentvolumeclaim model-cache-pvc
[ -z "$volume" ] || kubectl wait --for=delete "persistentvolume/$volume" --timeout=60s
kubectl delete namespace "$NAMESPACE" --timeout=200s
cat >"$ANSWERS/lessons.md" <<'MARKDOWN'
### 1. A lesson about deployment

A GPU request has to fit on one node, so four nodes with one `nvidia.com/gpu` each never run a pod that asks for four.

### 2. A lesson about a metric

Time to first token (TTFT) shows the queue and the prompts, and it is the tail of it that users complain about.

### 3. A lesson about tuning

Set `--max-model-len` to what the product really needs and not to what the model could do, because the KV cache pays for it.
MARKDOWN
