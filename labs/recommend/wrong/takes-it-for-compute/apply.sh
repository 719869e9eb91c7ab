# A full cache is denied, and compute blamed.
source ../../steps.sh
begin
cat >"$ANSWERS/recommendation.md" <<MARKDOWN
## Observed signal

\`vllm:num_preemptions_total\` rose by $preemptions while the readers waited for their first token.

## Interpretation

The GPU is too slow: this is compute pressure, the cache has nothing to do with it.

## Change

Raise \`--max-num-batched-tokens\` to 16384 so that every step does more work.

## Validation

The same load again: time to first token p95 should fall.
MARKDOWN
