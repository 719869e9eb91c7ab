"""Label and field selectors, as a cluster reads them."""

import re
from collections.abc import Callable
from typing import Any

from vlab.evidence import Object

Selects = Callable[[Object], bool]

_COMMA = re.compile(r",(?![^(]*\))")
_SET = re.compile(r"(?P<key>\S+)\s+(?P<word>in|notin)\s*\((?P<values>[^()]*)\)")
_EQUAL = re.compile(r"(?P<key>[^\s=!]+)\s*(?P<sign>==?|!=)\s*(?P<value>[^\s=!]*)")
_THERE = re.compile(r"(?P<no>!?)\s*(?P<key>[^\s=!(),]+)")

_FIELDS = {
    "Pod": (
        *("spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork"),
        *("status.phase", "status.podIP", "status.nominatedNodeName"),
    ),
    "Event": (
        *(f"involvedObject.{f}" for f in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion")),
        *("involvedObject.fieldPath", "reason", "reportingComponent", "source.component", "type"),
    ),
    "Node": ("spec.unschedulable",),
    "Namespace": ("status.phase",),
    "ReplicaSet": ("status.replicas",),
    "Job": ("status.successful",),
    "Secret": ("type",),
}
"""By kind: the fields that may be selected by, besides name and namespace."""


class Unreadable(ValueError):
    """A selector that is none, in words."""


def labels(text: str) -> Selects:
    """What a label selector selects: app=a,tier in (x, y),!old.

    Raises:
        Unreadable: it is none.
    """
    wanted = [_label(part.strip()) for part in _COMMA.split(text) if part.strip()]
    return lambda found: all(want(found["metadata"].get("labels") or {}) for want in wanted)


def _label(part: str) -> Callable[[dict[str, str]], bool]:
    if match := _SET.fullmatch(part):
        key, values = match["key"], {v.strip() for v in match["values"].split(",")}
        if match["word"] == "in":
            return lambda has: has.get(key) in values
        return lambda has: has.get(key) not in values
    if match := _EQUAL.fullmatch(part):
        key, value, same = match["key"], match["value"], match["sign"] != "!="
        return lambda has: (has.get(key) == value) is same
    if match := _THERE.fullmatch(part):
        key, there = match["key"], not match["no"]
        return lambda has: (key in has) is there
    raise Unreadable(f"unable to parse requirement: {part!r}")


def fields(text: str, kind: str) -> Selects:
    """What a field selector selects: status.phase!=Running,spec.nodeName=n.

    Raises:
        Unreadable: it is none, or a field of this kind that cannot be selected by.
    """
    wanted = [_field(part.strip(), kind) for part in text.split(",") if part.strip()]
    return lambda found: all(want(found) for want in wanted)


def _field(part: str, kind: str) -> Selects:
    match = _EQUAL.fullmatch(part)
    if match is None:
        raise Unreadable(f"invalid selector: {part!r}; can't understand {part!r}")
    name = {"source": "source.component"}.get(match["key"], match["key"])
    if name not in ("metadata.name", "metadata.namespace", *_FIELDS.get(kind, ())):
        raise Unreadable(f"field label not supported: {match['key']}")
    value, same = match["value"], match["sign"] != "!="
    return lambda found: (_at(found, name) == value) is same


def _at(found: Object, path: str) -> str:
    value: Any = found
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
