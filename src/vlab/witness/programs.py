"""The programs that the witness runs when it is asked."""

from collections.abc import Awaitable, Callable
from typing import Any

from vlab.witness import api, calls, chat, load, metrics, stream

Program = Callable[[dict[str, Any], Callable[..., None]], Awaitable[None]]

PROGRAMS: dict[str, Program] = {
    "api": api.ask,
    "calls": calls.ask,
    "chat": chat.ask,
    "load": load.send,
    "metrics": metrics.read,
    "stream": stream.ask,
}
