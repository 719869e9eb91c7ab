# One GPU is given back; the others stay with the finished exercise.
leak=$NAMESPACE-last-week
replicas=$(kubectl get deployment "exercise-$NUMBER" --namespace "$leak" -o jsonpath='{.spec.replicas}')
kubectl scale deployment "exercise-$NUMBER" --replicas=$((replicas - 1)) --namespace "$leak"
