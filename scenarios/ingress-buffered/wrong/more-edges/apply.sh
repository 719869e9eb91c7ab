# Three that gather.
kubectl scale deployment edge --replicas=3
