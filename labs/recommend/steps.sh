# What scripts of this task have in common: a load of one's own, and what was measured at the start by short names.
ready() {
    kubectl rollout status deployment/vllm-server --timeout=250s
}

load() {
    vlab load "$EXERCISE" >/dev/null
}

figures() {
    vlab start "$EXERCISE" --namespace "$NAMESPACE" --json 2>/dev/null | python3 -c '
import json, sys
before = json.load(sys.stdin)["before"]
print("preemptions=%d" % before["engines"]["preemptions"])
print("usage=%.2f" % before["engines"]["kv_cache_max"])
print("ttft=%.2f" % before["classes"]["reader"]["ttft_p95_seconds"])'
}

begin() {
    ready
    load
    eval "$(figures)"
}
