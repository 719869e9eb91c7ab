"""A recording over HTTP, on this machine only and to nobody who was not told its secret path."""

import hmac
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from vlab.playback.recording import Answer, Recording

_BODY = 4 << 20
"""Of a request as much is read and thrown away, so that its sender hears the answer."""


@contextmanager
def serve(shown: Recording) -> Iterator[str]:
    """Answer for a recording while the block runs; gives the URL, which holds the secret.

    kubectl sends a token over TLS only; a path is kept in the same file as a token would be, and needs no certificate.
    """
    secret = secrets.token_urlsafe(24)

    class Handler(_Handler):
        recording = shown
        root = secret

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/{secret}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    recording: Recording
    root: str
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        self._skip_body()
        url = urlsplit(self.path)
        _, root, path = f"{url.path}//".split("/", 2)
        if not hmac.compare_digest(root.encode(), self.root.encode()):
            self._send(_said(HTTPStatus.FORBIDDEN, "this recording is shown to somebody else"))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            self._send(self.recording.answer(self.command, path, dict(parse_qsl(url.query)), headers))
        except (LookupError, TypeError, ValueError, AttributeError) as e:
            # Whoever made the evidence may have written anything into an object.
            self._send(_said(HTTPStatus.INTERNAL_SERVER_ERROR, f"an object of this recording is malformed: {e!r}"))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815

    def _skip_body(self) -> None:
        length = self.headers.get("Content-Length", "0")
        size = int(length) if length.isdigit() else _BODY + 1
        self.close_connection = self.close_connection or size > _BODY or "Transfer-Encoding" in self.headers
        self.rfile.read(size if size <= _BODY else 0)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.type)
        self.send_header(*(("Connection", "close") if answer.endless else ("Content-Length", str(len(answer.body)))))
        for warning in answer.warnings:
            self.send_header("Warning", f"299 - {json.dumps(warning)}")
        self.end_headers()
        self.wfile.write(answer.body)
        if answer.endless:
            self.wfile.flush()
            self.rfile.read(1)  # returns when who asked goes away

    def log_message(self, *_: object) -> None:
        """Nobody wants to read of requests."""


def _said(status: HTTPStatus, message: str) -> Answer:
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    return Answer(status, json.dumps({**body, "code": int(status)}).encode())
