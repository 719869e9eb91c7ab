"""What a check may ask for by the name of its parameter: small pure functions of the evidence, in one table."""

import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vlab.evidence import CannotTell, Evidence, Object, Probe
from vlab.evidence.traffic import Traffic
from vlab.grading.check import Check
from vlab.grading.notes import Written, diagnosis, recommendation
from vlab.serving import Door, Serving, container, extended, is_ready, serving
from vlab.settings import GPU, PORT, SERVICE


@dataclass(frozen=True)
class Engine:
    """One serving pod, and in it the container that listens behind the Service's port."""

    pod: Object
    container: Object
    """Its spec, with its status under `status`."""
    inside: Mapping[str, Any] | None
    """What it says of itself (see inside.py); None if it has no Python: then it is not the engine's image."""
    listener: Mapping[str, Any] | None
    """The process that listens."""
    port: int = PORT
    """On which it listens."""

    @property
    def name(self) -> str:
        """The pod's name."""
        return str(self.pod["metadata"]["name"])

    @property
    def is_vllm(self) -> bool:
        """Whether what listens calls itself a vLLM server."""
        command = self.listener["command"] if self.listener else ()
        return any("vllm" in word.lower() for word in command)

    @property
    def gpus(self) -> int:
        """The GPUs that the container asks for."""
        resources = self.container.get("resources", {})
        return int({**resources.get("requests", {}), **resources.get("limits", {})}.get(GPU, 0))

    @property
    def workers(self) -> int:
        """How many processes of the engine compute, each on a device of its own; 0 where one process does all."""
        processes = self.inside["processes"] if self.inside else ()
        return sum(str(p["name"]).startswith("VLLM::Worker") for p in processes)

    def volume_at(self, path: str) -> Object | None:
        """The volume that is mounted at a path or above it, as the pod's spec has it; None if there is none."""
        mounts = [m for m in self.container.get("volumeMounts", ()) if _covers(m["mountPath"], path)]
        if not mounts:
            return None
        name = max(mounts, key=lambda m: len(m["mountPath"]))["name"]
        return next((v for v in self.pod["spec"].get("volumes", ()) if v["name"] == name), None)


def _covers(mount: str, path: str) -> bool:
    return f"{path.rstrip('/')}/".startswith(f"{mount.rstrip('/')}/")


def served(evidence: Evidence) -> Serving:
    """What stands behind the addresses that were promised."""
    promised = evidence.header.promised
    addresses = (SERVICE,) if promised is None else promised.addresses
    return serving(evidence.objects, evidence.header.namespace, addresses)


def engines(evidence: Evidence) -> list[Engine]:
    """What serves, pod by pod.

    Raises:
        CannotTell: a pod could not be looked into.
    """
    found = served(evidence)
    every = [_engine(pod, found, evidence.probes.get("inside", [])) for pod in found.pods]
    between = evidence.header.promised.proxied if evidence.header.promised else ()
    strict = {name for door in found.doors if door.name not in between for name in door.pods}
    return [e for e in every if e.name in strict or e.is_vllm]


def _engine(pod: Object, found: Serving, probes: Iterable[Probe]) -> Engine:
    name, port = pod["metadata"]["name"], found.ports[pod["metadata"]["name"]]
    own = {p.container: p for p in probes if p.pod == name}
    said = {c: json.loads(p.stdout) for c, p in own.items() if p.exit_code == 0}
    for each, inside in said.items():
        if str(port) in inside["listeners"]:
            pid = inside["listeners"][str(port)]
            listener = next((p for p in inside["processes"] if p["pid"] == pid), None)
            return Engine(pod, container(pod, each), inside, listener, port)
    silent = [c for c in pod["spec"]["containers"] if c["name"] not in said]
    if not own or any(p.exit_code == -1 for p in own.values()) or not silent:
        raise CannotTell(f"{name} could not be looked into")
    # Whoever listens is in a container that has no Python to say so.
    declared = [c for c in silent if any(p["containerPort"] == port for p in c.get("ports", ()))]
    return Engine(pod, container(pod, (declared or silent)[0]["name"]), None, None, port)


def edge(evidence: Evidence) -> Door:
    """What stands behind the Service that was promised as the edge."""
    name = evidence.header.promised.edge if evidence.header.promised else ""
    return serving(evidence.objects, evidence.header.namespace, (name,)).doors[0]


def image_name(container: Object) -> str:
    """A container's image without its version."""
    return str(container["image"]).split("@")[0].rsplit(":", 1)[0]


def kind(objects: Iterable[Object], name: str) -> list[Object]:
    """The objects of one kind."""
    return [o for o in objects if o["kind"] == name]


def labels(found: Object) -> Mapping[str, str]:
    """An object's labels."""
    return found["metadata"].get("labels") or {}


def namespace(found: Object) -> str:
    """The namespace that an object is in; empty if in none."""
    return str(found["metadata"].get("namespace", ""))


def holds_gpu(pod: Object) -> bool:
    """Whether a pod asks for GPUs and has not come to its end."""
    return bool(extended(pod).get(GPU)) and pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")


def selected(service: Object | None, pod: Object) -> bool:
    """Whether a Service selects a pod."""
    selector = (service or {"spec": {}})["spec"].get("selector")
    return bool(selector) and all(labels(pod).get(k) == v for k, v in selector.items())


VIEWS: dict[str, Callable[[Evidence], Any]] = {
    "evidence": lambda e: e,
    "objects": lambda e: e.objects,
    "start": lambda e: e.start,
    "promised": lambda e: e.header.promised,
    "nodes": lambda e: kind(e.objects, "Node"),
    "serving": served,
    "engines": engines,
    "edge": edge,
    "asked": lambda e: e.api,
    "events": lambda e: e.events,
    "logs": lambda e: e.logs,
    "before": lambda e: Traffic(e.before),
    "after": lambda e: Traffic(e.after),
    "stream": lambda e: e.stream,
    "stream_before": lambda e: e.stream_before,
    "probes": lambda e: e.probes,
    "written": Written,
    "recommendation": recommendation,
    "diagnosis": diagnosis,
    "volumes": lambda e: e.volumes,
    "calls": lambda e: e.calls,
    "loads": lambda e: tuple(map(Traffic, e.loads)),
    "plugins": lambda e: e.plugins,
    "parameters": lambda e: e.header.parameters,
}
"""Every name that a check's parameter may have."""

COLLECTED_BY: dict[str, frozenset[str]] = {
    **dict.fromkeys(("objects", "start", "nodes", "serving", "edge"), frozenset({"objects"})),
    "engines": frozenset({"objects", "probe"}),
    "asked": frozenset({"api"}),
    "probes": frozenset({"probe"}),
    **dict.fromkeys(("before", "after"), frozenset({"load"})),
    **dict.fromkeys(("stream", "stream_before"), frozenset({"stream"})),
    **{name: frozenset({name}) for name in ("events", "logs", "calls", "volumes")},
    "plugins": frozenset({"gpus"}),
    **dict.fromkeys(("recommendation", "diagnosis"), frozenset({"objects"})),
}
"""The collectors that a view reads from; those that are not here need none that a scenario names."""


WITH_LOAD = frozenset({"load", "stream"})
"""The collectors that send the traffic of many."""


def collectors(check: Check) -> frozenset[str]:
    """The collectors of what a check reads."""
    return frozenset[str]().union(*(COLLECTED_BY.get(n, ()) for n in inspect.signature(check.function).parameters))


def needing_load(checks: Iterable[Check]) -> frozenset[str]:
    """The checks, each after those it needs, that cannot be told without a load."""
    found: set[str] = set()
    for each in checks:
        if collectors(each) & WITH_LOAD or found & set(each.needs):
            found.add(each.id)
    return frozenset(found)


class Views:
    """The views of one evidence, each made once and when it is first asked for."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = VIEWS[name](self._evidence)
        return self._made[name]


def why_not_ready(pods: Iterable[Object]) -> str:
    """What the cluster says about the first pod that is not ready."""
    for pod in (p for p in pods if not is_ready(p)):
        status = pod["status"]
        for condition in status.get("conditions", ()):
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                return str(condition["message"])
        for each in status.get("containerStatuses", ()):
            ended = each.get("lastState", {}).get("terminated", {})
            state = each["state"].get("waiting") or each["state"].get("terminated") or ended
            if state:
                code = f", exit code {ended['exitCode']}" if ended else ""
                return f"{state.get('reason', '')}{code} {state.get('message', '')}".strip()
        if status.get("reason"):
            return f"{status['reason']}: {status.get('message', '')}"
        return "it runs, and is not ready"
    return "no pod"
