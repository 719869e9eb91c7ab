# Lessons as somebody writes them who did the course.
lessons() {
    cat >"$ANSWERS/lessons.md" <<'MARKDOWN'
# What I take along

## Deployment

The model cache belongs on a PersistentVolumeClaim: with an `emptyDir` every restart downloads the weights again.

## Metric

`vllm:num_requests_waiting` alone does not say why requests wait; beside `vllm:kv_cache_usage_perc` near 1 it is the cache.

## Tuning

When preemptions rise, lower `--max-num-seqs` or give the pool more blocks; raising it makes everybody slower.
MARKDOWN
}
