"""Reads a live deployment into evidence; the only part that does. Each collector may fail without the others."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from vlab import __version__, evidence
from vlab.cluster.kube import Kube
from vlab.cluster.lab import Lab
from vlab.cluster.up import kube
from vlab.errors import LabError
from vlab.evidence import Answer, Collected, Header, Probe, seal
from vlab.exercise import Run, snapshot
from vlab.grading.views import SERVICE, is_ready

Object = dict[str, Any]

DEADLINE_S = 60.0
"""For each collector; what has not answered by then counts as not recorded."""

_LOG_LINES = 5000
_BODY_CHARS = 2000
_QUESTION = "A GPU is"


@dataclass
class Context:
    """What collectors read from and write to."""

    run: Run
    cluster: Kube
    parts: dict[str, Any] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)

    def pods(self) -> list[Object]:
        """The namespace's pods."""
        return self.cluster.items("pods", "-n", self.run.namespace)


def collect(run: Run, lab: Lab, collectors: tuple[str, ...], folder: Path, note: Callable[[str], None]) -> None:
    """Record evidence into the new `folder`. Never fails because of what is deployed."""
    context = Context(run, kube(lab))
    began, started = time.monotonic(), datetime.now(UTC)
    groups = list(dict.fromkeys(name.split(".")[0] for name in collectors))
    note(", ".join(groups))
    with ThreadPoolExecutor(len(groups)) as pool:
        futures = {name: pool.submit(_timed, COLLECTORS[name], context, collectors) for name in groups}
        outcomes = {name: _outcome(future) for name, future in futures.items()}
    header = Header(
        vlab=__version__,
        scenario=run.scenario,
        learner=run.learner,
        namespace=run.namespace,
        profile=lab.profile,
        parameters=run.parameters,
        cluster={"provider": lab.provider, "context": lab.context, "instance": lab.instance},
        started=started,
        finished=datetime.now(UTC),
        seconds=round(time.monotonic() - began, 3),
        collectors=outcomes | {"answers": Collected(ok=True)},
    )
    answers = {file.name: file for file in sorted((run.folder / "answers").glob("*.md"))}
    evidence.write(folder, header, context.parts, context.logs, answers, seal.own_key())


def _timed(
    collector: Callable[[Context, tuple[str, ...]], None], context: Context, names: tuple[str, ...]
) -> Collected:
    began = time.monotonic()
    try:
        collector(context, names)
    except LabError as e:
        return Collected(ok=False, reason=e.message, seconds=round(time.monotonic() - began, 3))
    except Exception as e:
        reason = f"{type(e).__name__}: {e}"
        return Collected(ok=False, reason=reason, seconds=round(time.monotonic() - began, 3))
    return Collected(ok=True, seconds=round(time.monotonic() - began, 3))


def _outcome(future: Any) -> Collected:
    try:
        result: Collected = future.result(DEADLINE_S)
    except TookTooLong:
        return Collected(ok=False, reason=f"took longer than {DEADLINE_S:.0f} s", seconds=DEADLINE_S)
    return result


def _objects(context: Context, _: tuple[str, ...]) -> None:
    start = json.loads(context.run.baseline.read_text())
    context.parts["objects"] = {"start": start, "now": snapshot(context.cluster, context.run)}


def _events(context: Context, _: tuple[str, ...]) -> None:
    context.parts["events"] = context.cluster.items("events", "-n", context.run.namespace)


def _logs(context: Context, _: tuple[str, ...]) -> None:
    for pod in context.pods():
        for status in pod["status"].get("containerStatuses", ()):
            name, container = pod["metadata"]["name"], status["name"]
            if status.get("started") or "terminated" in status["state"]:
                context.logs[f"{name}--{container}.log"] = _log(context, name, container)
            if "terminated" in status.get("lastState", {}):
                context.logs[f"{name}--{container}--previous.log"] = _log(context, name, container, "--previous")


def _log(context: Context, pod: str, container: str, *more: str) -> str:
    return context.cluster.kubectl(
        "logs", "-n", context.run.namespace, pod, "-c", container, f"--tail={_LOG_LINES}", *more
    )


_PROBES = {"shm": ("sh", "-c", "df -PT -k /dev/shm; echo; cat /proc/mounts")}
"""Commands run in the first container of each ready pod, by name: collect `probe.NAME`."""


def _probe(context: Context, names: tuple[str, ...]) -> None:
    found = []
    for pod in (p for p in context.pods() if is_ready(p)):
        for name in (n.split(".", 1)[1] for n in names if n.startswith("probe.")):
            found.append(_run_probe(context, pod, name))
    context.parts["probes"] = [p.model_dump() for p in found]


def _run_probe(context: Context, pod: Object, name: str) -> Probe:
    import subprocess

    container = pod["spec"]["containers"][0]["name"]
    where = ["-n", context.run.namespace, pod["metadata"]["name"], "-c", container]
    done = subprocess.run(
        [*context.cluster.command, "exec", *where, "--", *_PROBES[name]],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    return Probe(
        name=name,
        pod=pod["metadata"]["name"],
        container=container,
        command=_PROBES[name],
        exit_code=done.returncode,
        stdout=done.stdout,
        stderr=done.stderr,
    )


def leading_service(cluster: Kube, namespace: str) -> str | None:
    """The Service through which clients reach a ready pod, the module's own before others; None if none does."""
    slices = cluster.items("endpointslices", "-n", namespace)
    ready = {
        s["metadata"].get("labels", {}).get("kubernetes.io/service-name")
        for s in slices
        if any(e.get("conditions", {}).get("ready") for e in s.get("endpoints") or ())
    }
    return min((name for name in ready if name), key=lambda name: (name != SERVICE, name), default=None)


def _api(context: Context, _: tuple[str, ...]) -> None:
    """Ask as a client would: through the Service, which models there are, then one of them a question."""
    service = leading_service(context.cluster, context.run.namespace)
    if service is None:
        nobody = "no Service leads to a ready pod"
        answers = [Answer(name=n, service=None, path=p, error=nobody) for n, p in _PATHS.items()]
    else:
        port = service_port(context.cluster, service, context.run.namespace)
        with (
            context.cluster.forward(f"service/{service}", port, context.run.namespace) as url,
            httpx.Client(base_url=url, timeout=DEADLINE_S / 3) as client,
        ):
            models = _ask(client, "models", service, None)
            answers = [
                models,
                _ask(
                    client,
                    "completion",
                    service,
                    {"prompt": _QUESTION, "max_tokens": 16, "model": _first_model(models)},
                ),
            ]
    context.parts["api"] = [a.model_dump() for a in answers]


_PATHS = {"models": "/v1/models", "completion": "/v1/completions"}


def service_port(cluster: Kube, service: str, namespace: str) -> int:
    """The first port of a Service."""
    return int(cluster.get("service", service, "-n", namespace)["spec"]["ports"][0]["port"])


def _ask(client: httpx.Client, name: str, service: str, body: Object | None) -> Answer:
    path, began = _PATHS[name], time.monotonic()
    try:
        reply = client.get(path) if body is None else client.post(path, json=body)
    except httpx.HTTPError as e:
        words = f"{type(e).__name__}: {e}" if str(e) else type(e).__name__
        return Answer(name=name, service=service, path=path, error=words, seconds=time.monotonic() - began)
    return Answer(
        name=name,
        service=service,
        path=path,
        status=reply.status_code,
        body=reply.text[:_BODY_CHARS],
        text=_generated(reply),
        seconds=round(time.monotonic() - began, 3),
    )


def _generated(reply: httpx.Response) -> str:
    try:
        text = reply.json()["choices"][0]["text"]
    except (ValueError, KeyError, IndexError, TypeError):
        return ""
    return text if isinstance(text, str) else ""


def _first_model(models: Answer) -> str:
    try:
        return str(json.loads(models.body)["data"][0]["id"])
    except (ValueError, KeyError, IndexError, TypeError):
        return ""


COLLECTORS: dict[str, Callable[[Context, tuple[str, ...]], None]] = {
    "objects": _objects,
    "events": _events,
    "logs": _logs,
    "probe": _probe,
    "api": _api,
}
"""What a scenario may name under `collect`; `probe.shm` is the probe `shm` of the collector `probe`."""
