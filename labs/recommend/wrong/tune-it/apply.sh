# A wish instead of a change.
source ../../steps.sh
begin
cat >"$ANSWERS/recommendation.md" <<MARKDOWN
## Observed signal

\`vllm:kv_cache_usage_perc\` reached $usage and preemptions rose by $preemptions.

## Interpretation

KV cache pressure.

## Change

The server should be tuned so that it copes better.

## Validation

The same load again: preemptions should fall.
MARKDOWN
