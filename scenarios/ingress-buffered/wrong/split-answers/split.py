"""Stands where nginx stood: asks for the whole answer, and sends it on in pieces, as if it streamed."""

import http.server
import json
import time
import urllib.request


class Handler(http.server.BaseHTTPRequestHandler):
    """One request to the engine, many events to the client."""

    def do_POST(self) -> None:
        """Ask without stream, answer with events."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        streamed = asked.pop("stream", False)
        request = urllib.request.Request(
            f"http://vllm-server:8000{self.path}",
            json.dumps(asked).encode(),
            {"Content-Type": "application/json"},
        )
        whole = json.load(urllib.request.urlopen(request))  # noqa: S310
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream" if streamed else "application/json")
        self.end_headers()
        for word in whole["choices"][0]["text"].split(" "):
            event = {**whole, "choices": [{"index": 0, "text": f"{word} "}]}
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
            time.sleep(0.02)
        self.wfile.write(b"data: [DONE]\n\n")


http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
