# In German, with decimal commas, and fewer sequences at a time.
source ../../steps.sh
begin
cat >"$ANSWERS/recommendation.md" <<MARKDOWN
**Beobachtet:** Unter Last stieg \`vllm:kv_cache_usage_perc\` auf ${usage/./,}, und es gab $preemptions Preemptions
(\`vllm:num_preemptions_total\`).

**Deutung:** Der KV-Cache ist der Engpass, es werden mehr Anfragen zugelassen, als Blöcke da sind.

**Änderung:** \`--max-num-seqs\` auf 12 senken.

**Prüfung:** Dieselbe Last noch einmal; die Preemptions müssen auf nahe 0 sinken.
MARKDOWN
