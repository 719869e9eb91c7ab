# Mended, and one more of it.
bash "$SOLUTION"
kubectl scale deployment edge --replicas=2
