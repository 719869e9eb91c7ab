# Every refusal is a 400, one would think.
source ../../steps.sh
guard "$KEY"
ready
measure "$KEY"
instead "unknown model" 400
