# What scripts of this task have in common: a load, its note, and a line of the note that is told otherwise.
load() {
    vlab load "${1:-eight-prompts}" --out "$ANSWERS/load.json" >/dev/null
    python3 "$(dirname "${BASH_SOURCE[0]}")/note.py" "$ANSWERS/load.json" >"$ANSWERS/load-test.md"
}

ready() {
    kubectl rollout status deployment/vllm-server --timeout=250s
}

value() {
    sed -n "s/^- $1: //p" "$ANSWERS/load-test.md"
}

instead() {
    sed -i "s/^- $1: .*/- $1: $2/" "$ANSWERS/load-test.md"
}
