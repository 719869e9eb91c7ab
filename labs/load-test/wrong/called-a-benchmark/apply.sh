# The figures are right, and taken for more than they are.
source ../../steps.sh
ready
load
sed -i '/^## Why/,$d' "$ANSWERS/load-test.md"
cat >>"$ANSWERS/load-test.md" <<'MARKDOWN'
## Why this is no benchmark

It is one: it shows exactly how many answers a second this server gives, and we can plan our capacity with it.
MARKDOWN
