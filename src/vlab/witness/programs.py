"""The programs that the witness runs when it is asked."""

from collections.abc import Awaitable, Callable
from typing import Any

from vlab.witness import api, chat, load, stream

Program = Callable[[dict[str, Any], Callable[..., None]], Awaitable[None]]

PROGRAMS: dict[str, Program] = {"api": api.ask, "chat": chat.ask, "load": load.send, "stream": stream.ask}
