# Two engines with the key; what was measured is one pod's, and the reasons are told in other words.
source ../../steps.sh
guard "$KEY"
kubectl scale deployment vllm-server --replicas=2
ready
measure "$KEY"
sed -i '/^## Why/,$d' "$ANSWERS/api.md"
cat >>"$ANSWERS/api.md" <<'MARKDOWN'
## Why no key is needed here

By default vLLM does not check who is asking, which is handy on a laptop. A shared service without authentication can be
used up by any tenant or leaked client, and `/metrics` stays readable even with a key; a gateway has to know its callers
and limit their rate.
MARKDOWN
