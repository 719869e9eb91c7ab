"""Runs one command in a container through the API's exec, bounded in time and in bytes."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vlab.cluster.refusals import NoAnswer

if TYPE_CHECKING:
    from kubernetes.client import ApiClient


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
    from kubernetes.client.exceptions import ApiException
    from kubernetes.stream import ws_client

    query = [("command", word) for word in command]
    query += [("container", container), ("stdout", "true"), ("stderr", "true"), ("stdin", "false"), ("tty", "false")]
    headers: dict[str, str] = {"sec-websocket-protocol": "v4.channel.k8s.io"}
    client.update_params_for_auth(headers, query, ["BearerToken"])
    configuration = client.configuration
    try:
        socket = ws_client.websocket_call(
            configuration,
            "GET",
            configuration.host + path,
            query_params=query,
            headers=headers,
            _preload_content=False,
            capture_all=False,
        )
    except ApiException as e:
        pod = path.split("/")[-2]
        raise NoAnswer(f"no command can be run in {pod}: {str(e.reason).splitlines()[0]}") from None
    try:
        return _followed(socket, time.monotonic() + timeout, limit, on_output)
    finally:
        socket.close()


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
    try:
        code = socket.returncode
    except (TypeError, ValueError, KeyError, AttributeError):  # cut off before it could say
        code = None
    return Ran(code, "".join(out), "".join(err))


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
