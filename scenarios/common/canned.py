"""A server without a model: canned words, and counters that rise as an engine's would. Usage: canned.py MODEL."""

import json
import signal
import sys
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODEL = sys.argv[-1]
TEXT = "A graphics processing unit is a circuit that computes many things at the same time."
WORDS = [f" {word}" for word in TEXT.split()]
counted = Counter(requests=0, prompt=0, generated=0)


class Canned(BaseHTTPRequestHandler):
    """What a client sees."""

    def do_GET(self):
        """Health, the model's name, the counters."""
        if self.path == "/metrics":
            labels = f'engine="0",model_name="{MODEL}"'
            success = f'vllm:request_success_total{{{labels},finished_reason="length"}} {counted["requests"]}.0'
            prompt = f"vllm:prompt_tokens_total{{{labels}}} {counted['prompt']}.0"
            generated = f"vllm:generation_tokens_total{{{labels}}} {counted['generated']}.0"
            self.send("text/plain; version=0.0.4", "\n".join([success, prompt, generated, ""]))
        elif self.path == "/v1/models":
            model = {"id": MODEL, "object": "model", "owned_by": "vllm", "root": MODEL, "max_model_len": 2048}
            self.send("application/json", json.dumps({"object": "list", "data": [model]}))
        elif self.path == "/version":
            self.send("application/json", json.dumps({"version": "0.32.0"}))
        else:
            self.send("application/json", "")

    def do_POST(self):
        """A completion, of a prompt or a chat, whole or as a stream."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        chat = "messages" in asked
        tokens = asked.get("max_tokens") or asked.get("max_completion_tokens") or 16
        prompt = len(json.dumps(asked.get("messages") or asked.get("prompt"))) // 4 + 1
        usage = {"prompt_tokens": prompt, "completion_tokens": tokens, "total_tokens": prompt + tokens}
        words = [WORDS[n % len(WORDS)] for n in range(tokens)]
        head = {"id": f"cmpl-{time.time_ns():x}", "created": int(time.time()), "model": MODEL}
        kind = "chat.completion" if chat else "text_completion"
        counted.update(requests=1, prompt=prompt, generated=tokens)
        if asked.get("stream"):
            part = "chat.completion.chunk" if chat else kind
            choices = [{"delta": {"content": word}} if chat else {"text": word} for word in words]
            chunks = [{**head, "object": part, "choices": [{"index": 0, "finish_reason": None, **c}]} for c in choices]
            chunks[-1]["choices"][0]["finish_reason"] = "length"
            chunks.append({**head, "object": part, "choices": [], "usage": usage})
            lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
            self.send("text/event-stream", "".join([*lines, "data: [DONE]\n\n"]))
            return
        text = "".join(words)
        said = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        choice = {"index": 0, "finish_reason": "length", **said}
        self.send("application/json", json.dumps({**head, "object": kind, "choices": [choice], "usage": usage}))

    def send(self, kind, text):
        """Answer with this text."""
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # the first process of a container ends on no signal by itself
ThreadingHTTPServer(("", 8000), Canned).serve_forever()
