# Shared memory of the right kind, at a path where nothing looks for it.
shm_at=/shm
source ../../manifest.sh
deploy
