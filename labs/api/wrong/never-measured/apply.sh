# Numbers that fit each other, worked out at the desk: no prompt was ever asked twice.
source ../../steps.sh
guard "$KEY"
ready
cat >"$ANSWERS/api.md" <<MARKDOWN
- completion: 200
- chat: 200
- unknown model: 404
- too long a prompt: 400
- last line of the stream: data: [DONE]
- models with the key: 200
- models without a key: 401
- health without a key: 200
- metrics without a key: 200
- block size: $BLOCK_SIZE
- tokens of the long prompt: 331
- tokens that hit: $((330 / BLOCK_SIZE * BLOCK_SIZE))
- tokens that hit after a short beginning: 0

## Why

A key is optional and off by default; in production anybody in the cluster could spend our GPUs without one.
MARKDOWN
