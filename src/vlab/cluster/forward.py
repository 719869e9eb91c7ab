"""A tunnel from this machine to a pod, for where no witness may run; it ends with the block, or with vlab itself."""

import asyncio
import ctypes
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from vlab.cluster.kube import Kube
from vlab.cluster.refusals import NoAnswer
from vlab.serving import Serving
from vlab.witness.programs import PROGRAMS

_OPEN_S = 15.0
_PR_SET_PDEATHSIG = 1


@contextmanager
def forward(cluster: Kube, namespace: str, pod: str, port: int) -> Iterator[str]:
    """A port of this machine's loopback that leads to a pod's; gives its URL.

    Raises:
        NoAnswer: it does not open.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        local = free.getsockname()[1]
    command = [
        *cluster.command,
        "port-forward",
        "-n",
        namespace,
        f"pod/{pod}",
        f"{local}:{port}",
        "--address=127.0.0.1",
    ]
    # Its words go nowhere: a pipe that nobody reads would stop it after some thousand connections.
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=_end_with_us
    ) as process:
        try:
            _wait_until_open(process, local, pod)
            yield f"http://127.0.0.1:{local}"
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()


def _end_with_us() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait_until_open(process: "subprocess.Popen[bytes]", port: int, pod: str) -> None:
    end = time.monotonic() + _OPEN_S
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
            continue
        return
    raise NoAnswer(f"no tunnel to {pod} opens")


def forwarded(
    cluster: Kube, namespace: str, found: Serving, given: Mapping[str, Any], deadline: float, program: str = "api"
) -> list[dict[str, Any]]:
    """What a program of the witness says, run here, through a tunnel to each ready pod.

    Raises:
        NoAnswer: a tunnel does not open, or no end came in time.
    """
    events: list[dict[str, Any]] = []
    with ExitStack() as tunnels:
        pods = {n: tunnels.enter_context(forward(cluster, namespace, n, p)) for n, p in found.ports.items()}
        if not pods:
            raise NoAnswer("there is no ready pod to open a tunnel to")
        services = [next(iter(pods.values()))] * len(given["services"])
        here = {**given, "pods": pods, "services": services, "weights": ""}
        with suppress(TimeoutError):
            asyncio.run(asyncio.wait_for(PROGRAMS[program](here, lambda **event: events.append(event)), deadline))
    return events
