# The server runs, and other people's pods are kept off a node of everybody's.
bash "$SOLUTION"
node=$(kubectl get nodes -l nvidia.com/gpu.present=true -o jsonpath='{.items[0].metadata.name}')
kubectl taint node "$node" dedicated=assistant:PreferNoSchedule
