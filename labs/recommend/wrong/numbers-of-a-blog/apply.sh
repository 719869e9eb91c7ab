# The right story with the numbers of another machine.
source ../../steps.sh
begin
cat >"$ANSWERS/recommendation.md" <<MARKDOWN
## Observed signal

\`vllm:num_preemptions_total\` rose by $((preemptions * 9 + 50)) under load, and the time to first token had a p95 of 94.3 s.

## Interpretation

KV cache pressure.

## Change

Set \`--num-gpu-blocks-override=400\`.

## Validation

The same load again: preemptions should fall to 0.
MARKDOWN
