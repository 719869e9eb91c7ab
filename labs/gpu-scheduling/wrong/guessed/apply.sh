# Numbers as they often are, not those of this cluster.
bash "$SOLUTION"
cat >"$ANSWERS/gpu-scheduling.md" <<'MARKDOWN'
- nodes with a GPU: 1
- GPUs in all: 8
- most GPUs for one pod: 8
MARKDOWN
