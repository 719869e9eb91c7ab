# Names of metrics, of which nothing was seen.
source ../../steps.sh
begin
cat >"$ANSWERS/recommendation.md" <<'MARKDOWN'
## Observed signal

vllm:num_requests_waiting, vllm:kv_cache_usage_perc, vllm:num_preemptions_total, vllm:time_to_first_token_seconds.

## Interpretation

It is KV cache pressure.

## Change

Set `--num-gpu-blocks-override=400`.

## Validation

The same load again: preemptions should fall.
MARKDOWN
