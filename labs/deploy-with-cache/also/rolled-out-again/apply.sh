# An init container says when the cache was first used; the second start is a rollout, and shared memory has no size.
shm_volume='emptyDir: {medium: Memory}'
source ../../manifest.sh
claim | kubectl apply -f -
address | kubectl apply -f -
deployment | sed "/^      containers:/i\\
      initContainers:\\
        - name: first-use\\
          image: $IMAGE\\
          imagePullPolicy: IfNotPresent\\
          command: [sh, -c, 'test -e $cache_at/used-since || date > $cache_at/used-since']\\
          volumeMounts: [{name: model-cache, mountPath: $cache_at}]" | kubectl apply -f -
ready
note
kubectl rollout restart deployment/vllm-server
