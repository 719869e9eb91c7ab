# Only the paths that stream are treated otherwise, and go straight to the engine.
bash ../../../common/edge.sh 's/^( *)listen 8000;/&\n\1location \/v1\/ {\n\1  proxy_pass http:\/\/vllm-server:8000;\n\1  proxy_http_version 1.1;\n\1  proxy_buffering off;\n\1  gzip off;\n\1}/'
