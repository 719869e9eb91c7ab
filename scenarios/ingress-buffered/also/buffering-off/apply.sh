# Without its buffers nginx passes on what comes, compressed or not.
bash ../../../common/edge.sh 's/^( *)proxy_pass .*/&\n\1proxy_buffering off;/'
