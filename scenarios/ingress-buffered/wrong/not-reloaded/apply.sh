# Right in the ConfigMap; the nginx that runs has read the old one.
sed '/rollout restart/d' ../../../common/edge.sh > "${TMPDIR:-/tmp}/edge-$$.sh"
bash "${TMPDIR:-/tmp}/edge-$$.sh" 's/gzip on;/gzip off;/; s/proxy_http_version 1.0;/proxy_http_version 1.1;/'
rm "${TMPDIR:-/tmp}/edge-$$.sh"
