# The leak goes, and the server is started anew rather than waited for.
bash "$SOLUTION"
kubectl rollout restart deployment vllm-server
