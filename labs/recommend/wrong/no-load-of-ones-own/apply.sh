# The right words, by somebody who has only read what the start printed.
source ../../steps.sh
ready
eval "$(figures)"
cat >"$ANSWERS/recommendation.md" <<MARKDOWN
\`vllm:kv_cache_usage_perc\` reached $usage and preemptions rose by $preemptions: KV cache pressure. Set
\`--num-gpu-blocks-override=400\` and send the same load again: preemptions should fall to 0.
MARKDOWN
