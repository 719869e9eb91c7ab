"""Asks for a streamed answer, past the edge and through it, and says when each piece of its body arrived."""

import json
import time
import zlib
from collections.abc import Callable
from typing import Any

import aiohttp

from vlab.witness.http import LIMIT, failure

_TIMEOUT_S = 30.0


async def ask(given: dict[str, Any], say: Callable[..., None]) -> None:
    """Says one `path` for each address, one after the other, so that none is in another's way.

    Args:
        given: paths ({name: url}), model, prompts (one a path), max_tokens.
    """
    # As browsers do: what compresses a stream on its way is to show.
    headers = {"Accept-Encoding": "gzip"}
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S, sock_connect=5)
    for (name, url), prompt in zip(given["paths"].items(), given["prompts"], strict=True):
        async with aiohttp.ClientSession(timeout=timeout, headers=headers, auto_decompress=False) as session:
            say(kind="path", name=name, **await _streamed(session, url, _body(given, prompt)))


def _body(given: dict[str, Any], prompt: str) -> dict[str, Any]:
    return {
        "model": given["model"],
        "prompt": prompt,
        "max_tokens": given["max_tokens"],
        "temperature": 0,
        "ignore_eos": True,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def _streamed(session: aiohttp.ClientSession, url: str, body: dict[str, Any]) -> dict[str, Any]:
    """One answer: status, headers, when each read returned (seconds since it was asked for), events in all."""
    began = time.monotonic()
    said: dict[str, Any] = {"url": url, "status": None, "error": "", "chunks": [], "events": 0, "reads": 0}
    whole = bytearray()
    try:
        async with session.post(f"{url}/v1/completions", json=body, allow_redirects=False) as answer:
            said |= {
                "status": answer.status,
                "headers": {k.lower(): v for k, v in answer.headers.items()},
                "content_encoding": answer.headers.get("Content-Encoding", ""),
            }
            async for piece in answer.content.iter_any():
                said["chunks"].append(round(time.monotonic() - began, 4))
                whole += piece
                if len(whole) > LIMIT:
                    said["error"] = "endless"
                    break
    except Exception as e:
        said |= {"error": failure(e), "detail": f"{type(e).__name__}: {e}"[:300]}
    said["seconds"] = round(time.monotonic() - began, 4)
    text = _plain(bytes(whole), said.get("content_encoding", ""))
    said["reads"] = len(said["chunks"])
    said["events"] = sum(line.startswith(b"data:") for line in text.splitlines())
    said["done"] = b"[DONE]" in text
    said["tokens"] = _tokens(text)
    return said


def _tokens(text: bytes) -> int | None:
    """How many tokens the answer says that it has, in its last event but [DONE]."""
    for line in reversed(text.splitlines()):
        if b'"completion_tokens"' in line:
            try:
                return int(json.loads(line.removeprefix(b"data:"))["usage"]["completion_tokens"])
            except (ValueError, TypeError, KeyError):
                return None
    return None


def _plain(body: bytes, encoding: str) -> bytes:
    """The body without its compression, as far as it came."""
    if encoding != "gzip":
        return body
    try:
        return zlib.decompressobj(wbits=31).decompress(body, LIMIT)
    except zlib.error:
        return b""
