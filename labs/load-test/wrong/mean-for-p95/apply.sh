# The slowest answers are as quick as half of the quickest, says the note.
source ../../steps.sh
ready
load
instead "p95 latency seconds" "$(value 'mean latency seconds' | awk '{printf "%.2f", $1 / 2}')"
