# A script of one's own, recorded beside the engine's counters; its lines are pasted as it prints them.
source ../../steps.sh
ready
vlab load record -- kubectl exec -i deployment/vllm-server -- python3 - "$MODEL" 10 <load_test.py >"$ANSWERS/load-test.md"
cat >>"$ANSWERS/load-test.md" <<'MARKDOWN'

## A functional test, and no benchmark

Ten requests in a single run, without a warm-up, say nothing about the tail. Nobody's users send ten prompts of the same
length at one moment, and the hardware is not what production has.
MARKDOWN
