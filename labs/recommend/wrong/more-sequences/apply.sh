# The classic mistake: a queue is answered with more places.
source ../../steps.sh
begin
cat >"$ANSWERS/recommendation.md" <<MARKDOWN
## Observed signal

\`vllm:kv_cache_usage_perc\` reached $usage and preemptions rose by $preemptions.

## Interpretation

KV cache pressure.

## Change

Raise \`--max-num-seqs\` to 512 so that nobody has to wait.

## Validation

The same load again: \`vllm:num_requests_waiting\` should fall.
MARKDOWN
