# The namespace is gone, and of each lesson there is a catchword.
kubectl delete namespace "$NAMESPACE" --timeout=200s
cat >"$ANSWERS/lessons.md" <<'MARKDOWN'
## Deployment
PVC
## Metric
waiting
## Tuning
max-num-seqs
MARKDOWN
