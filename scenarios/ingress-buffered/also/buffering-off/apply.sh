# Where browsers come in, nginx passes on what comes without a buffer, compressed or not.
bash ../../../common/edge.sh 's/^( *)proxy_pass http:\/\/127.*/&\n\1proxy_buffering off;/'
