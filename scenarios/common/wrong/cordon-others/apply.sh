# The server runs, and nobody else's pods may start on the other nodes.
bash "$SOLUTION"
kubectl rollout status deployment vllm-server --timeout=180s
used=$(kubectl get pods -l app=vllm-server -o jsonpath='{.items[*].spec.nodeName}')
for node in $(kubectl get nodes -l nvidia.com/gpu.present=true -o jsonpath='{.items[*].metadata.name}'); do
  case " $used " in *" $node "*) ;; *) kubectl cordon "$node" ;; esac
done
