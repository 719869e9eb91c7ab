# The kernel is in no one's way: nginx does not write yet.
bash ../../../common/edge.sh 's/^( *)listen 8000;/\1listen 8000;\n\1tcp_nodelay on;\n\1tcp_nopush off;/'
