# The claim, the server with its two volumes, and a second start that finds what the first one left.
source ../manifest.sh
deploy
ready
note
leave_a_file
kubectl delete pod -l app=vllm-server
