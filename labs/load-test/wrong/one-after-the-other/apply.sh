# Eight questions, of which each waits for the one before: the engine never had two at a time.
source ../../steps.sh
ready
load "$PWD/queue.yaml"
