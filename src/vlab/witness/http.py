"""One HTTP exchange with whatever listens there, bounded in time and in bytes."""

import asyncio
import json
import time
from typing import Any

import aiohttp

LIMIT = 1 << 20
"""Bytes of a body that are read at most."""


def bearer(key: str | None) -> dict[str, str]:
    """The header that carries an API key, if there is one."""
    return {"Authorization": f"Bearer {key}"} if key else {}


async def exchange(
    session: aiohttp.ClientSession, method: str, url: str, body: Any = None, timeout: float = 10.0
) -> dict[str, Any]:
    """What came: status, body, seconds. Where nothing came, `error` says how: refused, timeout, cut, unknown-name.

    `garbage` and `endless` are answers too, of something that does not speak HTTP or does not stop.
    """
    began = time.monotonic()
    said: dict[str, Any] = {"url": url, "status": None, "body": "", "error": "", "detail": ""}
    try:
        async with (
            asyncio.timeout(timeout),
            session.request(method, url, json=body, allow_redirects=False) as answer,
        ):
            said["status"] = answer.status
            whole = bytearray()
            async for piece in answer.content.iter_any():
                whole += piece
                if len(whole) > LIMIT:
                    said["error"] = "endless"
                    break
            said["body"] = bytes(whole[:LIMIT]).decode(errors="replace")
    except Exception as e:
        said |= {"error": failure(e), "detail": f"{type(e).__name__}: {e}"[:300]}
    return {**said, "seconds": round(time.monotonic() - began, 3)}


def failure(error: Exception) -> str:
    """Of which kind an error is."""
    match error:
        case TimeoutError():
            return "timeout"
        case aiohttp.ClientConnectorDNSError():
            return "unknown-name"
        case aiohttp.ClientConnectorError() if isinstance(error.os_error, ConnectionRefusedError):
            return "refused"
        case aiohttp.ClientConnectorError():
            return "unreachable"
        case aiohttp.ClientResponseError() | ValueError():
            return "garbage"
    return "cut"


def as_object(text: str) -> dict[str, Any]:
    """JSON that must be an object; an empty one if it is not."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def as_text(value: Any) -> str:
    """A string that every format can hold; JSON may have halves of characters."""
    return str(value or "").encode(errors="replace").decode()
