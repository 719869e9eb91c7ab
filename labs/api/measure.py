"""Run in the engine's container: asks its API as the task says, and prints the note."""

import json
import re
import sys
import urllib.error
import urllib.request

MODEL, KEY, CONTEXT = sys.argv[1], sys.argv[2], int(sys.argv[3])
URL = "http://127.0.0.1:8000"


def exchange(path, body=None, key=KEY):
    """Status and body of one request."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    data = None if body is None else json.dumps({"model": MODEL, "max_tokens": 8, **body}).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(URL + path, data, headers), timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def hits():
    """Tokens found in the prefix cache so far, and the size of its blocks."""
    page = exchange("/metrics")[1]
    found = re.search(r"^vllm:prefix_cache_hits_total\{[^}]*\} (\S+)", page, re.MULTILINE)
    return float(found[1]) if found else 0.0, int(re.search(r'[{,]block_size="(\d+)"', page)[1])


def twice(first, second):
    """Tokens of the second prompt, and how many of them were found."""
    exchange("/v1/completions", {"prompt": first})
    before = hits()[0]
    tokens = json.loads(exchange("/v1/completions", {"prompt": second})[1])["usage"]["prompt_tokens"]
    return tokens, int(hits()[0] - before)


chat = {"messages": [{"role": "user", "content": "What is a GPU?"}]}
stream = exchange("/v1/chat/completions", {**chat, "stream": True})[1]
rules = " ".join(f"Rule {n}: look at the signal before you change anything." for n in range(30))
tokens, found = twice(rules, rules)
_, short = twice("You are brief. Why is the sky blue?", "You are brief. Name a large river in Africa.")
print(f"""# What the API answers

- completion: {exchange("/v1/completions", {"prompt": "A pod stays Pending because"})[0]}
- chat: {exchange("/v1/chat/completions", chat)[0]}
- unknown model: {exchange("/v1/completions", {"prompt": "x", "model": "nobody/nothing"})[0]}
- too long a prompt: {exchange("/v1/completions", {"prompt": "the " * CONTEXT})[0]}
- last line of the stream: `{stream.strip().splitlines()[-1]}`
- models with the key: {exchange("/v1/models")[0]}
- models without a key: {exchange("/v1/models", key="")[0]}
- health without a key: {exchange("/health", key="")[0]}
- metrics without a key: {exchange("/metrics", key="")[0]}
- block size: {hits()[1]}
- tokens of the long prompt: {tokens}
- tokens that hit: {found}
- tokens that hit after a short beginning: {short}

## Why

The engine knows no users: a key is optional, and unless one is set anybody who reaches the port may ask. In production
that is everybody in the cluster, at the cost of our GPUs and without a name in any log, so there must be
authentication and a quota in front of it.
""")
