# A load, and four parts that follow from what it showed.
source ../steps.sh
begin
cat >"$ANSWERS/recommendation.md" <<MARKDOWN
# Recommendation

## Observed signal

Under the load of the start \`vllm:kv_cache_usage_perc\` reached $usage, and \`vllm:num_preemptions_total\` rose by $preemptions.
The time to first token had a p95 of $ttft s.

## Interpretation

This is KV cache pressure: requests are admitted that the pool of blocks cannot hold to their end, so some are preempted and
begin again. Compute is not what they wait for.

## Change

Raise \`--num-gpu-blocks-override\` from $POOL_BLOCKS to 400, so that the pool holds all readers at a time.

## Validation

Send the same load again: preemptions should fall to 0 and \`vllm:num_requests_waiting\` should go down; time to first token
p95 should fall as well.
MARKDOWN
