# It waits longer, for the same.
bash ../../../common/edge.sh 's/proxy_read_timeout .*/proxy_read_timeout 3600s;\n          proxy_send_timeout 3600s;\n          send_timeout 3600s;/'
