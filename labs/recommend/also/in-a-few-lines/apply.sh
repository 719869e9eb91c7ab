# Three lines, old names, and a second replica.
source ../../steps.sh
begin
cat >"$ANSWERS/recommendation.md" <<MARKDOWN
gpu_cache_usage_perc went up to $usage and num_preemptions_total by $preemptions: the KV cache is the bottleneck.

I would add a second replica (\`kubectl scale deployment vllm-server --replicas=2\`): it has a cache of its own.

Rerun the same load: preemptions and waiting requests must go down.
MARKDOWN
