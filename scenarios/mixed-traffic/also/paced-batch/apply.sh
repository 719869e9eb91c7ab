# nginx in front of batch lets its requests through one by one, evenly: slower, never refused.
kubectl apply -f - <<YAML
apiVersion: v1
kind: ConfigMap
metadata: {name: pace}
data:
  nginx.conf: |
    pid /tmp/nginx.pid;
    error_log /dev/stderr warn;
    events {}
    http {
      access_log off;
      client_body_temp_path /tmp/body;
      proxy_temp_path /tmp/proxy;
      client_max_body_size 8m;
      limit_req_zone "batch" zone=batch:1m rate=60r/m;
      server {
        listen 8000;
        location / {
          limit_req zone=batch burst=100;
          proxy_pass http://vllm-server:8000;
          proxy_http_version 1.1;
          proxy_buffering off;
          proxy_read_timeout 300s;
        }
        location = /v1/models { proxy_pass http://vllm-server:8000; proxy_http_version 1.1; }
        location = /metrics { proxy_pass http://vllm-server:8000; proxy_http_version 1.1; }
      }
    }
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: pace}
spec:
  selector: {matchLabels: {app: pace}}
  template:
    metadata: {labels: {app: pace}}
    spec:
      terminationGracePeriodSeconds: 2
      containers:
        - name: nginx
          image: lab.local/tools:v1
          imagePullPolicy: IfNotPresent
          command: [nginx, -c, /etc/pace/nginx.conf, -g, "daemon off;"]
          ports: [{name: http, containerPort: 8000}]
          readinessProbe: {tcpSocket: {port: http}, periodSeconds: 1}
          volumeMounts: [{name: config, mountPath: /etc/pace}]
      volumes: [{name: config, configMap: {name: pace}}]
YAML
kubectl rollout status deployment pace --timeout=60s
kubectl patch service vllm-batch --patch '{"spec": {"selector": {"app": "pace"}}}'
