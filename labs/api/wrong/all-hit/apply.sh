# A prompt that was seen before is found whole, one would think.
source ../../steps.sh
guard "$KEY"
ready
measure "$KEY"
tokens=$(sed -n 's/^- tokens of the long prompt: //p' "$ANSWERS/api.md")
instead "tokens that hit" "$tokens"
