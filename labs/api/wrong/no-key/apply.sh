# The note of somebody who knows what a key would have done.
source ../../steps.sh
ready
measure "$KEY"
instead "models without a key" 401
