# What gathers is told to let go: event streams are not compressed, and the engine is asked in HTTP/1.1.
case $CAUSE in
gzip) bash "$(dirname "$0")/../../common/edge.sh" 's/^( *gzip_types) .*/\1 application\/json;/' ;;
http-1.0) bash "$(dirname "$0")/../../common/edge.sh" 's/proxy_http_version 1.0;/proxy_http_version 1.1;/' ;;
esac
