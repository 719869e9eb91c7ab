# It waits longer, for the same.
bash ../../../common/edge.sh 's/^( *)proxy_read_timeout .*/\1proxy_read_timeout 3600s;\n\1proxy_send_timeout 3600s;\n\1send_timeout 3600s;/'
