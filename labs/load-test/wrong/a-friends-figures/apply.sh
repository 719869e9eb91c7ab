# A load was sent, and the figures are those of somebody with a faster machine.
source ../../steps.sh
ready
load
instead "elapsed seconds" 0.80
instead "requests per second" 10.00
instead "mean latency seconds" 0.60
instead "p95 latency seconds" 0.75
instead "goodput per second" 5.00
