"""What the learner changed: the namespace's objects and the nodes now, against those at the start."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import yaml

from vlab.evidence import Object

_IDENTITY = {"creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"}
_BY_MACHINES = (
    "deployment.kubernetes.io/",
    "kubectl.kubernetes.io/",
    "pv.kubernetes.io/",
    "volume.kubernetes.io/",
    "volume.beta.kubernetes.io/",
)
"""Annotations that Kubernetes and kubectl keep for themselves."""


@dataclass(frozen=True)
class Change:
    """One object that is not as it was."""

    name: str
    """Kind/namespace/name."""
    what: str
    """changed, added or removed."""
    lines: tuple[str, ...]
    """A unified diff of its YAML, without the file names."""


def changes(start: Iterable[Object], now: Iterable[Object]) -> list[Change]:
    """Every object that was changed, added or removed by somebody; what follows from others is left out."""
    before, after = _by_name(start), _by_name(now)
    names = list(dict.fromkeys([*before, *after]))
    return [_change(n, before.get(n), after.get(n)) for n in names if before.get(n) != after.get(n)]


def _by_name(objects: Iterable[Object]) -> dict[str, Object]:
    decided = (o for o in objects if not o["metadata"].get("ownerReferences"))
    return {_name(o): essence(o) for o in decided}


def _name(found: Object) -> str:
    return "/".join(filter(None, (found["kind"], found["metadata"].get("namespace"), found["metadata"]["name"])))


def essence(found: Object) -> Object:
    """What somebody has decided about an object: not its identity, history or status. Of a node its capacity stays."""
    rest = {k: v for k, v in found.items() if k not in ("status", "metadata")}
    if found["kind"] == "Node":
        capacity = {k: v for k, v in found.get("status", {}).get("capacity", {}).items() if "/" in k}
        rest = {**rest, "status": {"capacity": capacity}}
    if found["kind"] == "PersistentVolumeClaim":  # binding it writes the volume's name
        rest = {**rest, "spec": {k: v for k, v in found.get("spec", {}).items() if k != "volumeName"}}
    return {**rest, "metadata": _metadata(found["metadata"])}


def _metadata(found: Object) -> Object:
    kept: dict[str, Any] = {k: v for k, v in found.items() if k not in _IDENTITY | {"annotations"}}
    annotations = {k: v for k, v in found.get("annotations", {}).items() if not k.startswith(_BY_MACHINES)}
    if found.get("annotations", {}).keys() & {"node.alpha.kubernetes.io/ttl"}:  # a node's are all its kubelet's
        annotations = {}
    return {**kept, **({"annotations": annotations} if annotations else {})}


def _change(name: str, before: Object | None, after: Object | None) -> Change:
    diff = difflib.unified_diff(_yaml(before), _yaml(after), lineterm="", n=3)
    what = "added" if before is None else "removed" if after is None else "changed"
    return Change(name, what, tuple(diff)[2:])


def _yaml(found: Object | None) -> list[str]:
    return [] if found is None else yaml.safe_dump(found, sort_keys=True, width=100).splitlines()
