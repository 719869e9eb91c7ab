# "Please send no Accept-Encoding": browsers do not read annotations.
kubectl annotate service edge clients="must not accept gzip"
