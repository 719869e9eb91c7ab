# A node is labelled as one with four GPUs, so that the table in the wiki is right.
node=$(kubectl get nodes -l '!node-role.kubernetes.io/control-plane' -o jsonpath='{.items[0].metadata.name}')
kubectl label node "$node" nvidia.com/gpu.count=4 --overwrite
bash "$SOLUTION"
