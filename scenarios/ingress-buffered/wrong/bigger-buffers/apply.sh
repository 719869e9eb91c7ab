# There is more room to gather in.
bash ../../../common/edge.sh 's/^( *)proxy_pass .*/&\n\1proxy_buffer_size 64k;\n\1proxy_buffers 16 64k;\n\1proxy_busy_buffers_size 128k;/'
