# It would surely be better.
source ../../steps.sh
begin
cat >"$ANSWERS/recommendation.md" <<MARKDOWN
## Observed signal

\`vllm:kv_cache_usage_perc\` reached $usage and preemptions rose by $preemptions.

## Interpretation

KV cache pressure.

## Change

Set \`--num-gpu-blocks-override=400\`.

## Validation

Users will be happier.
MARKDOWN
