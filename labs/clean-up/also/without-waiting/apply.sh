# The namespace is told to go and left to itself; the lessons are in German.
kubectl delete namespace "$NAMESPACE" --wait=false
cat >"$ANSWERS/lessons.md" <<'MARKDOWN'
# Lektionen

## Deployment

Ohne Volume vom Typ Memory unter `/dev/shm` stirbt die Engine beim Start, egal wie groß das Speicherlimit ist.

## Metric (Metrik)

Der Zähler `vllm:num_preemptions_total` sagt mehr als die Auslastung: wer verdrängt wird, fängt von vorne an.

## Tuning

Bei vollem KV-Cache zuerst kürzere Kontexte oder weniger `--max-num-seqs`, dann erst eine zweite Replik.
MARKDOWN
