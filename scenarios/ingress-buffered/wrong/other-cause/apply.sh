# A true mending, of something that was not the cause.
case $CAUSE in
gzip) bash ../../../common/edge.sh 's/proxy_http_version 1.1;/&\n          chunked_transfer_encoding on;/' ;;
http-1.0) bash ../../../common/edge.sh 's/gzip on;/gzip off;/' ;;
esac
