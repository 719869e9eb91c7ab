# A second engine that nobody is sent to.
kubectl get service vllm-batch -o jsonpath='{.spec.selector}' > "${TMPDIR:-/tmp}/selector-$$"
bash ../../../common/second_engine.sh vllm-batch vllm-batch
kubectl patch service vllm-batch --patch "{\"spec\": {\"selector\": $(cat "${TMPDIR:-/tmp}/selector-$$")}}"
rm "${TMPDIR:-/tmp}/selector-$$"
