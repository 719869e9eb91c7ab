# A cache that begins and ends with its pod.
cache_volume='emptyDir: {}'
source ../../manifest.sh
deploy
ready
note
