"""What a cluster would answer that is as a run recorded it: reads are answered, all else is told that it is past."""

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from http import HTTPStatus
from typing import Any

from vlab.errors import LabError
from vlab.evidence import CannotTell, Evidence, Object
from vlab.playback import ages, kinds, selectors
from vlab.playback.kinds import Kind
from vlab.playback.tables import table

_EVENT_TIMES = frozenset({"firstTimestamp", "lastTimestamp", "eventTime", "lastObservedTime"})
_BIRTH = frozenset({"creationTimestamp"})
_WAITS = ("kubectl wait", "kubectl rollout status")
_SHOWS_AGES = ("kubectl describe", "kubectl events")
"""What counts ages itself, by this machine's clock; of `kubectl get` the cluster does it."""


@dataclass(frozen=True)
class Answer:
    """One answer over HTTP; kubectl prints each of `warnings` beside it."""

    status: int
    body: bytes
    type: str = "application/json"
    warnings: tuple[str, ...] = ()
    endless: bool = False
    """Whether nothing more comes, but not its end."""


class _Refused(Exception):
    """A request that ends in an error, as Kubernetes says it."""

    def __init__(self, status: HTTPStatus, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Recording:
    """One recorded run at one of its two moments."""

    scenario: str
    learner: str
    namespace: str
    at: datetime
    """By the cluster's clock: ages are seen from here."""
    objects: tuple[Object, ...]
    events: tuple[Object, ...] = ()
    no_events: str = ""
    """Why there are none to be had."""
    logs: Mapping[str, str] = field(default_factory=dict)
    """By file name: POD--CONTAINER.log, POD--CONTAINER--previous.log."""
    no_logs: str = ""

    @cached_property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds that it answers for."""
        return kinds.kinds(self.objects)

    @cached_property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces of the exercise, of which all is recorded; its own first."""
        names = {o["metadata"]["name"] for o in self.objects if o["kind"] == "Namespace"}
        return (self.namespace, *sorted(names - {self.namespace}))

    def answer(self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """What kubectl is told.

        Args:
            path: below the server's root: api/v1/namespaces/x/pods.
            headers: by lower-case name.
        """
        try:
            parts = [part for part in path.split("/") if part]
            if parts[:2] == ["apis", "authorization.k8s.io"]:
                raise self._unrecorded("who may do what")
            if method != "GET":
                raise self._past()
            if query.get("watch", "false") not in ("false", "0"):
                return self._watched(query, headers)
            return self._read(parts, query, headers)
        except selectors.Unreadable as e:
            return _failure(HTTPStatus.BAD_REQUEST, "BadRequest", str(e))
        except _Refused as e:
            return _failure(e.status, e.reason, str(e))

    def _watched(self, query: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """To those who wait for something and have a time limit, what a cluster says in which nothing happens."""
        if headers.get("kubectl-command") not in _WAITS or "sendInitialEvents" in query:  # they can list instead
            raise self._past()
        return Answer(HTTPStatus.OK, b"", warnings=("this is a recording: nothing changes in it",), endless=True)

    def _read(self, parts: list[str], query: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        match parts:
            case ["version"]:
                return _json(self._version())
            case ["api" | "apis" as root]:
                kind = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
                return _json(kinds.discovery(self.kinds, core=root == "api"), kind)
            case ["openapi", *_] if headers.get("kubectl-command") == "kubectl explain":
                raise self._unrecorded("what fields mean")
            case ["openapi", "v3"]:
                roots = sorted({k.root for k in self.kinds})
                return _json({"paths": {r: {"serverRelativeURL": f"/openapi/v3/{r}"} for r in roots}})
            case ["openapi", "v3", *rest]:
                return _json(kinds.openapi(self.kinds, "/".join(rest)))
            case ["api", version, *rest]:
                return self._objects(version, rest, query, headers)
            case ["apis", group, version, *rest]:
                return self._objects(f"{group}/{version}", rest, query, headers)
        raise _unknown()

    def _version(self) -> dict[str, str]:
        told = (o["status"].get("nodeInfo", {}).get("kubeletVersion") for o in self.objects if o["kind"] == "Node")
        version = next((v for v in told if v), None)
        if version is None:
            raise self._unrecorded("the cluster's version")
        major, minor, _ = version.removeprefix("v").split(".", 2)
        return {"major": major, "minor": minor, "gitVersion": version}

    def _objects(self, version: str, rest: list[str], query: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        space = None
        if rest[:1] == ["namespaces"] and len(rest) > 2 and rest[2] not in ("status", "finalize"):
            space, rest = rest[1], rest[2:]
        plural, *rest = rest or [""]
        kind = next((k for k in self.kinds if k.version == version and k.plural == plural), None)
        if kind is None:
            raise _unknown()
        match rest:
            case []:
                found, warnings = self._list(kind, space, query)
                return self._shown(kind, found, query, headers, warnings, single=False)
            case [name] | [name, "status"]:
                return self._shown(kind, [self._one(kind, space, name)], query, headers, (), single=True)
            case [name, "log"] if kind.name == "Pod":
                return self._log(self._one(kind, space, name), query)
            case [_, _]:
                raise self._past()
        raise _unknown()

    def _all(self, kind: Kind) -> Iterable[Object]:
        """Every object of a kind.

        Raises:
            _Refused: its kind is not recorded.
        """
        if not kind.recorded:
            raise self._unrecorded(kind.plural)
        if kind.name == "Event":
            if self.no_events:
                raise self._unrecorded("events", self.no_events)
            return self.events
        return (o for o in self.objects if (o["apiVersion"], o["kind"]) == (kind.version, kind.name))

    def _list(self, kind: Kind, space: str | None, query: Mapping[str, str]) -> tuple[list[Object], tuple[str, ...]]:
        wanted = selectors.labels(query.get("labelSelector", ""))
        fields = selectors.fields(query.get("fieldSelector", ""), kind.name)
        found = [o for o in self._all(kind) if space is None or o["metadata"].get("namespace") == space]
        warning = ""
        whole = (self.namespace,) if kind.name == "Event" else self.namespaces
        if kind.name == "Namespace":
            warning = "this recording has no namespaces but the exercise's own"
        if kind.namespaced and space not in whole:
            if space is not None and not found:
                raise self._unrecorded(f"{kind.plural} in namespace {space}")
            others = "only pods that hold GPUs" if kind.name == "Pod" else "nothing"
            warning = f"this recording has {kind.plural} of {', '.join(whole)}; of other namespaces {others}"
        return [o for o in found if wanted(o) and fields(o)], (warning,) if warning else ()

    def _one(self, kind: Kind, space: str | None, name: str) -> Object:
        for each in self._all(kind):
            if each["metadata"]["name"] == name and each["metadata"].get("namespace") == space:
                return each
        if kind.name == "Namespace":
            raise self._unrecorded(f"namespace {name}")
        if space is not None and space not in self.namespaces:
            raise self._unrecorded(f"{kind.plural} in namespace {space}")
        of = f"{kind.plural}.{kind.group}" if kind.group else kind.plural
        raise _Refused(HTTPStatus.NOT_FOUND, "NotFound", f'{of} "{name}" not found')

    def _shown(
        self,
        kind: Kind,
        found: list[Object],
        query: Mapping[str, str],
        headers: Mapping[str, str],
        warnings: tuple[str, ...],
        *,
        single: bool,
    ) -> Answer:
        """Objects as they are asked for: as a table, or as they are."""
        if "as=Table" in headers.get("accept", ""):
            whole = query.get("includeObject") == "Object"
            return _json(table(found, kind.name, self.at, whole=whole), warnings=warnings)
        found = self._seen_now(kind, found, query, headers)
        if single:
            return _json(found[0], warnings=warnings)
        body = {"kind": f"{kind.name}List", "apiVersion": kind.version, "metadata": {"resourceVersion": "1"}}
        return _json({**body, "items": found}, warnings=warnings)

    def _seen_now(
        self, kind: Kind, found: list[Object], query: Mapping[str, str], headers: Mapping[str, str]
    ) -> list[Object]:
        """With times that are as long before now as they were before the recording, where kubectl counts ages itself
        and shows the times in no other way."""
        if headers.get("kubectl-command") not in _SHOWS_AGES:
            return found
        if kind.name == "Event":
            names = _EVENT_TIMES
        elif kind.name == "Pod" and "spec.nodeName=" in query.get("fieldSelector", ""):  # the table of a node's pods
            names = _BIRTH
        else:
            return found
        return [ages.moved(o, names, datetime.now(UTC) - self.at) for o in found]

    def _log(self, pod: Object, query: Mapping[str, str]) -> Answer:
        name, space = pod["metadata"]["name"], pod["metadata"].get("namespace")
        every = [c["name"] for k in ("initContainers", "containers") for c in pod["spec"].get(k, ())]
        container = query.get("container") or (every[0] if len(every) == 1 else "")
        if not container:
            words = f"a container name must be specified for pod {name}, choose one of: {every}"
            raise _Refused(HTTPStatus.BAD_REQUEST, "BadRequest", words)
        if container not in every:
            words = f"container {container} is not valid for pod {name}"
            raise _Refused(HTTPStatus.BAD_REQUEST, "BadRequest", words)
        previous = query.get("previous", "false") not in ("false", "0")
        for option in ("sinceSeconds", "sinceTime", "timestamps"):
            if query.get(option, "false") != "false":
                raise self._unrecorded("the times of a log's lines")
        # Of a container that waits for its next start a cluster shows the last run.
        waits = "waiting" in _state(pod, container) and f"{name}--{container}.log" not in self.logs
        text = self.logs.get(f"{name}--{container}{'--previous' if previous or waits else ''}.log")
        if text is None or space != self.namespace:
            raise self._no_log(pod, container, previous=previous)
        return Answer(HTTPStatus.OK, _end(text, query).encode(), "text/plain")

    def _no_log(self, pod: Object, container: str, *, previous: bool) -> _Refused:
        name = pod["metadata"]["name"]
        if pod["metadata"].get("namespace") != self.namespace:
            return self._unrecorded(f"logs outside of namespace {self.namespace}")
        if self.no_logs:
            return self._unrecorded("logs", self.no_logs)
        if previous:
            words = f'previous terminated container "{container}" in pod "{name}" not found'
            return _Refused(HTTPStatus.BAD_REQUEST, "BadRequest", words)
        state = _state(pod, container)
        if waits := state.get("waiting"):
            words = f'container "{container}" in pod "{name}" is waiting to start: {waits.get("reason", "")}'
            return _Refused(HTTPStatus.BAD_REQUEST, "BadRequest", words)
        if not state and not pod["spec"].get("nodeName"):
            return _Refused(HTTPStatus.BAD_REQUEST, "BadRequest", f"pod {name} does not have a host assigned")
        return self._unrecorded(f"the log of container {container} in pod {name}")

    def _past(self) -> _Refused:
        words = "this is a recording: nothing runs in it and nothing can be changed"
        hint = f"hint: `vlab start {self.scenario}` makes the exercise anew, on a lab"
        return _Refused(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", f"{words}\n{hint}")

    def _unrecorded(self, what: str, why: str = "") -> _Refused:
        hint = f"hint: all that lies in {', '.join(self.namespaces)} is recorded, and the nodes"
        return _Refused(HTTPStatus.NOT_FOUND, "NotFound", f"not recorded: {what}{f' ({why})' if why else ''}\n{hint}")


def _state(pod: Object, container: str) -> Object:
    """A container's state: running, waiting or terminated; empty where none is known."""
    known = pod.get("status", {})
    statuses = [*(known.get("initContainerStatuses") or ()), *(known.get("containerStatuses") or ())]
    return next((s.get("state", {}) for s in statuses if s["name"] == container), {})


def _unknown() -> _Refused:
    return _Refused(HTTPStatus.NOT_FOUND, "NotFound", "the server could not find the requested resource")


def _json(value: Any, kind: str = "application/json", warnings: tuple[str, ...] = ()) -> Answer:
    return Answer(HTTPStatus.OK, json.dumps(value).encode(), kind, warnings)


def _failure(status: HTTPStatus, reason: str, message: str) -> Answer:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": int(status),
    }
    return Answer(status, json.dumps(body).encode())


def _end(text: str, query: Mapping[str, str]) -> str:
    lines = text.splitlines(keepends=True)
    tail = query.get("tailLines", "")
    if tail.isdigit():
        lines = lines[len(lines) - int(tail) :] if int(tail) < len(lines) else lines
    text = "".join(lines)
    most = query.get("limitBytes", "")
    return text.encode()[: int(most)].decode(errors="ignore") if most.isdigit() else text


def recording(evidence: Evidence, *, start: bool = False) -> Recording:
    """A recorded run as it was when it was graded, or when the exercise had been started.

    Raises:
        LabError: its objects were not recorded, or are none.
    """
    header = evidence.header
    try:
        objects = evidence.start if start else evidence.objects
    except CannotTell as e:
        raise LabError(f"{evidence.path} cannot be shown: {e}", "name another run; `vlab grade` records one") from None
    for each in objects:
        _refuse_malformed(evidence, each)
    run = partial(Recording, header.scenario, header.learner, header.namespace)
    if start:
        late = "they were recorded when the run was graded, not at its start"
        return run(at=_latest(objects), objects=tuple(objects), no_events=late, no_logs=late)
    events, no_events = _part(evidence, "events")
    logs, no_logs = _part(evidence, "logs")
    finished = header.finished or header.started + timedelta(seconds=header.seconds)
    return run(
        at=finished - timedelta(seconds=header.skew_seconds),
        objects=tuple(objects),
        events=tuple(sorted(events or (), key=lambda e: str(ages.last_seen(e)))),
        no_events=no_events,
        logs=logs or {},
        no_logs=no_logs,
    )


def _part(evidence: Evidence, name: str) -> tuple[Any, str]:
    """A part of the evidence, or why there is none."""
    try:
        return getattr(evidence, name), ""
    except CannotTell as e:
        return None, str(e)


def _refuse_malformed(evidence: Evidence, found: Object) -> None:
    metadata = found.get("metadata")
    named = isinstance(metadata, dict) and isinstance(metadata.get("name"), str)
    if not named or not isinstance(found.get("apiVersion"), str) or not isinstance(found.get("kind"), str):
        raise LabError(f"{evidence.path} has an object that is none", "name a run that `vlab grade` recorded")


def _latest(objects: Iterable[Object]) -> datetime:
    """The latest time that objects speak of: they were read then or a moment later."""
    times = (m for text in itertools.chain.from_iterable(map(_texts, objects)) if (m := ages.moment(text)))
    return max((t for t in times if t.tzinfo), default=datetime.now(UTC))


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        return itertools.chain.from_iterable(map(_texts, value.values()))
    if isinstance(value, list):
        return itertools.chain.from_iterable(map(_texts, value))
    return (value,) if isinstance(value, str) else ()
