# Everything is measured, and nothing is said about why.
source ../../steps.sh
guard "$KEY"
ready
measure "$KEY"
sed -i '/^## Why/,$d' "$ANSWERS/api.md"
printf '## Why\n\nBecause it is safer.\n' >>"$ANSWERS/api.md"
