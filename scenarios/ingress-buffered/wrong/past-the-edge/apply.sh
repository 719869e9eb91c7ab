# Tokens flow, and nginx is not in the way any more.
kubectl patch service edge --patch '{"spec": {"selector": {"app": "vllm-server"}}}'
