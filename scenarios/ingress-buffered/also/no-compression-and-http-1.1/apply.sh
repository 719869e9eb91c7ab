# Nothing is compressed, and the engine is asked in HTTP/1.1.
bash ../../../common/edge.sh 's/gzip on;/gzip off;/; s/proxy_http_version 1.0;/proxy_http_version 1.1;/'
