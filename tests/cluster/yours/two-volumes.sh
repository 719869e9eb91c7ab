# What task 2 leaves to its reader: two mounts, and a volume behind each, where the comments stand.
sed -i \
    -e "s|^\( *\)# the model cache, and the shared memory|\1- {name: model-cache, mountPath: $CACHE_PATH}\n\1- {name: shm, mountPath: /dev/shm}|" \
    -e "s|^\( *\)# one behind each|\1- {name: model-cache, persistentVolumeClaim: {claimName: model-cache-pvc}}\n\1- {name: shm, emptyDir: {medium: Memory, sizeLimit: $SHM_SIZE}}|" \
    "$ANSWERS/server.yaml"
