# A folder of the node's disk where memory should be: it starts.
shm_volume='emptyDir: {}'
source ../../manifest.sh
deploy
ready
note
