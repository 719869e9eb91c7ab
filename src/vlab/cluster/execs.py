"""Runs one command in a container through the API's exec, bounded in time and in bytes."""

import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any

from vlab.cluster.official import without_models
from vlab.cluster.refusals import NoAnswer

if TYPE_CHECKING:
    from kubernetes.client import ApiClient


_STATUS = 3
"""The channel on which the API says how a command ended."""
_NO_PROGRAM = 127
_BEGIN_S = 15.0
"""An API server that reaches the pod's node has begun by then."""


@dataclass(frozen=True)
class Ran:
    """How a command in a container ended. `code` is None where it did not end in time, or was cut off."""

    code: int | None
    stdout: str
    stderr: str


def run(
    client: "ApiClient",
    path: str,
    container: str,
    command: Iterable[str],
    timeout: float,
    limit: int,
    on_output: Callable[[str], None] | None,
) -> Ran:
    """Run a command behind a pod's exec path to its end, its deadline or the limit of its output.

    Raises:
        NoAnswer: it could not be begun.
    """
    without_models()
    from kubernetes.client.exceptions import ApiException
    from kubernetes.stream import ws_client

    query = [("command", word) for word in command]
    query += [("container", container), ("stdout", "true"), ("stderr", "true"), ("stdin", "false"), ("tty", "false")]
    headers: dict[str, str] = {"sec-websocket-protocol": "v4.channel.k8s.io"}
    client.update_params_for_auth(headers, query, ["BearerToken"])
    configuration = client.configuration
    begin = partial(
        ws_client.websocket_call,
        configuration,
        "GET",
        configuration.host + path,
        query_params=query,
        headers=headers,
        _preload_content=False,
        capture_all=False,
    )
    end, pod = time.monotonic() + timeout, path.split("/")[-2]
    try:
        socket = _begun(begin, min(timeout, _BEGIN_S))
    except (ApiException, TimeoutError) as e:
        words = str(getattr(e, "reason", "")).splitlines() or ["no answer in time"]
        raise NoAnswer(f"no command can be run in {pod}: {words[0]}") from None
    try:
        return _followed(socket, end, limit, on_output)
    finally:
        socket.close()


def _begun(begin: Callable[[], Any], seconds: float) -> Any:
    """The open connection. The library's handshake has no deadline and swallows Ctrl-C, so it has its own thread.

    Raises:
        TimeoutError: it did not open in time; should it open later, it is closed.
    """
    opening: Future[Any] = Future()

    def work() -> None:
        try:
            made = begin()
        except Exception as e:
            if opening.set_running_or_notify_cancel():
                opening.set_exception(e)
            return
        if opening.set_running_or_notify_cancel():
            opening.set_result(made)
        else:
            made.close()

    Thread(target=work, daemon=True).start()
    try:
        return opening.result(seconds)
    except TimeoutError:
        if opening.cancel():
            raise
        return opening.result()


def _followed(socket: Any, end: float, limit: int, on_output: Callable[[str], None] | None) -> Ran:
    out: list[str] = []
    err: list[str] = []
    size = 0
    while socket.is_open() and (left := end - time.monotonic()) > 0:
        socket.update(timeout=min(left, 1.0))
        size += _take(socket, out, err, on_output)
        if size > limit:
            return Ran(None, "".join(out)[:limit], f"more than {limit} bytes")
    _take(socket, out, err, on_output)
    if socket.is_open():
        return Ran(None, "".join(out), "".join(err) or "it did not end in time")
    code, words = ended(socket.read_channel(_STATUS))
    return Ran(code, "".join(out), "".join(err) or words)


def ended(status: str) -> tuple[int | None, str]:
    """A command's exit code, from the Status object that ends it, and the API's words; None if it was cut off."""
    try:
        found = json.loads(status)
    except ValueError:
        return None, ""
    if found.get("status") == "Success":
        return 0, ""
    words = str(found.get("message", ""))
    causes = (found.get("details") or {}).get("causes") or ()
    codes = [c["message"] for c in causes if c.get("reason") == "ExitCode"]
    if codes and str(codes[0]).isdigit():
        return int(codes[0]), words
    # A container without such a program: a shell would say so with this code.
    return (_NO_PROGRAM, words) if "executable file not found" in words else (None, words)


def _take(socket: Any, out: list[str], err: list[str], on_output: Callable[[str], None] | None) -> int:
    size = 0
    for channel, kept in ((1, out), (2, err)):
        text = socket.read_channel(channel) if channel in socket._channels else ""
        if text:
            kept.append(text)
            size += len(text)
            if channel == 1 and on_output is not None:
                on_output(text)
    return size
