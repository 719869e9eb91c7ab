# The note has the path and the sizes of somebody else's deployment.
source ../../manifest.sh
deploy
ready
cat >"$ANSWERS/deploy-with-cache.md" <<'MARKDOWN'
- cache is mounted at: /root/models
- claim behind it: model-cache-pvc
- MiB of /dev/shm: 8192
MARKDOWN
