# The same sentence under each heading, with a thing of every kind in it.
kubectl delete namespace "$NAMESPACE" --timeout=200s
lesson='The Deployment should be watched with `vllm:num_requests_waiting` and tuned with `--max-num-seqs` where it is needed.'
printf '## %s\n\n'"$lesson"'\n\n' Deployment Metric Tuning >"$ANSWERS/lessons.md"
