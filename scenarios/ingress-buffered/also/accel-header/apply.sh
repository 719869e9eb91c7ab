# What is behind says so itself: its answers carry X-Accel-Buffering: no, which the nginx in front of it honours.
bash ../../../common/edge.sh 's/^( *)proxy_pass http:\/\/vllm-server.*/&\n\1proxy_buffering off;\n\1add_header X-Accel-Buffering no;/'
