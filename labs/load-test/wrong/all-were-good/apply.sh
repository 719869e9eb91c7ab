# Goodput is throughput, whatever the objective is: here half of what an answer takes.
source ../../steps.sh
ready
load
instead "objective seconds" "$(value 'mean latency seconds' | awk '{printf "%.2f", $1 / 2}')"
instead "requests within the objective" "$(value requests)"
instead "goodput per second" "$(value 'requests per second')"
