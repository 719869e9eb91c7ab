# Nobody gathers where nobody is.
kubectl scale deployment edge --replicas=0
