"""Reads a streamed completion: bytes to server-sent events, events to what they mean. No IO."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_MAX_EVENT_BYTES = 1024 * 1024


class ProtocolError(Exception):
    """The peer does not speak the OpenAI streaming protocol."""


class Decoder:
    """Gathers bytes as they are read, however they are split, and yields the data of each whole event."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> Iterator[str]:
        """The events that end in `piece`.

        Raises:
            ProtocolError: an event is over 1 MiB or no UTF-8.
        """
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            event = self._line(line.removesuffix(b"\r"))
            if event is not None:
                yield event
        if len(self._rest) + self._size > _MAX_EVENT_BYTES:
            raise ProtocolError("an event of the stream is over 1 MiB")

    def _line(self, line: bytes) -> str | None:
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
            self._size += len(line)
        if line or not self._data:
            return None
        data, self._data, self._size = b"\n".join(self._data), [], 0
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise ProtocolError("the stream holds bytes that are no UTF-8") from None


@dataclass(frozen=True)
class Usage:
    """Tokens as the server counted them."""

    prompt_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class Event:
    """What one event says."""

    output: bool = False
    """It carries generated tokens (their text may be empty: half a character, or a special token)."""
    done: bool = False
    usage: Usage | None = None
    error: str | None = None


def interpret(data: str) -> Event:
    """The meaning of one event of a completions or chat stream.

    Raises:
        ProtocolError: it is none of the events that such a stream has.
    """
    if data.strip() == "[DONE]":
        return Event(done=True)
    body = as_object(data)
    error = error_in(body)
    if error is not None:
        return Event(error=error)
    choices = body.get("choices")
    if not isinstance(choices, list):
        raise ProtocolError(f"an event without choices: {data[:120]}")
    return Event(output=any(_carries_output(c) for c in choices), usage=usage_in(body))


def as_object(text: str | bytes) -> dict[str, Any]:
    """A JSON object.

    Raises:
        ProtocolError: it is something else.
    """
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise ProtocolError(f"no JSON object: {text[:120]!r}")
    return body


def error_in(body: dict[str, Any]) -> str | None:
    """The words of an error that came with status 200, in vLLM's present form and its older one."""
    error = body.get("error")
    if error is None and body.get("object") == "error":
        error = body
    if error is None:
        return None
    message = error.get("message") if isinstance(error, dict) else error
    return str(message)


def usage_in(body: dict[str, Any]) -> Usage | None:
    """The token counts of an answer or of a stream's last event."""
    usage = body.get("usage")
    if not isinstance(usage, dict):
        return None
    prompt, output = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not (isinstance(prompt, int) and isinstance(output, int) and prompt >= 0 and output >= 0):
        raise ProtocolError(f"usage without token counts: {str(usage)[:120]}")
    return Usage(prompt, output)


def _carries_output(choice: Any) -> bool:
    if not isinstance(choice, dict):
        raise ProtocolError(f"a choice that is no object: {str(choice)[:120]}")
    delta = choice.get("delta")
    # A chat stream first announces its role, before there is a token.
    return not (isinstance(delta, dict) and "role" in delta and not delta.get("content"))
