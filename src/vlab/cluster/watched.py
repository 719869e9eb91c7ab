"""Keeps an exercise's objects in memory by watching them: while nothing happens, the API is asked nothing."""

import threading
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from vlab.cluster.kube import Kube
from vlab.cluster.lab import Lab
from vlab.cluster.objects import ours
from vlab.cluster.refusals import ApiError
from vlab.errors import LabError
from vlab.essence import Identity, identity
from vlab.serving import is_ready

Object = dict[str, Any]
Place = tuple[str, str | None]
"""A plural, and the namespace; None for kinds that are watched in all of the cluster."""

_NEEDED = ("pods", "services", "endpointslices", "deployments", "replicasets")
KINDS = (
    *_NEEDED,
    *("statefulsets", "daemonsets", "jobs", "cronjobs", "leaderworkersets", "replicationcontrollers"),
    *("configmaps", "persistentvolumeclaims", "ingresses"),
    *("horizontalpodautoscalers", "resourcequotas", "limitranges", "networkpolicies", "poddisruptionbudgets"),
)
"""What is watched in each namespace, as far as the cluster has it and one may."""
_ABSENT = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)
_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 10.0
_SHORT_S = 1.0
"""A watch that ends sooner is not begun anew at once."""
_HEARTBEATS = {"lastHeartbeatTime", "lastProbeTime", "lastUpdateTime"}


class Watched:
    """The objects of an exercise's namespaces and the nodes, as they are now; one thread a kind and namespace.

    `changed` is called, from any thread, when something that matters has changed, or the API does not answer, or
    answers again.
    """

    def __init__(self, cluster: Kube, lab: Lab, namespace: str, changed: Callable[[], None]) -> None:
        self._cluster = cluster
        self._selector = ours(lab, namespace)
        self._changed = changed
        self._lock = threading.RLock()
        self._places: dict[Place, dict[Identity, Object] | None] = {}
        self._troubles: dict[Place, str] = {}
        self.refusal: LabError | None = None
        """What was refused without which there is nothing to watch."""

    def start(self) -> None:
        """Begin.

        Raises:
            LabError: the API cannot be asked.
        """
        _ = self._cluster.resources  # here, once, and not by every thread
        self._follow("namespaces", None)
        self._follow("nodes", None)

    @property
    def whole(self) -> bool:
        """Whether everything has been read once."""
        with self._lock:
            return bool(self._places) and None not in self._places.values()

    @property
    def trouble(self) -> str:
        """Why something cannot be watched now; empty if all is well. It is tried again by itself."""
        with self._lock:
            return next(iter(self._troubles.values()), "")

    def objects(self) -> list[Object]:
        """All of them. They are replaced, never changed."""
        with self._lock:
            return [o for found in self._places.values() for o in (found or {}).values()]

    def _follow(self, plural: str, namespace: str | None) -> None:
        with self._lock:
            if (plural, namespace) in self._places or plural not in self._cluster.resources:
                return
            self._places[plural, namespace] = None
        threading.Thread(target=self._keep, args=((plural, namespace),), name=f"watch {plural}", daemon=True).start()

    def _keep(self, place: Place) -> None:
        """List, then watch, for ever. Whatever breaks off is listed anew: what happened meanwhile is not known."""
        plural, namespace = place
        selector = self._selector if plural == "namespaces" else ""
        since, pause = "", _PAUSE_S
        while True:
            began = time.monotonic()
            try:
                if not since:
                    found, since = self._cluster.listed(plural, namespace, selector)
                    self._listed(place, found)
                for event in self._cluster.watch(plural, namespace, selector, since=since):
                    since = event["object"]["metadata"]["resourceVersion"]
                    self._happened(place, event)
            except LabError as e:
                if isinstance(e, ApiError) and e.status in _ABSENT:
                    self._absent(place, e)
                    return
                since = ""
                if not (isinstance(e, ApiError) and e.status == HTTPStatus.GONE):
                    self._in_trouble(place, e.message)
            if time.monotonic() - began > _SHORT_S:
                pause = _PAUSE_S
            else:
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _listed(self, place: Place, found: Iterable[Object]) -> None:
        new = {identity(o): o for o in found}
        with self._lock:
            old = self._places[place]
            self._put(place, new)
            well = self._troubles.pop(place, None) is None
        if not well or old is None or _gists(old) != _gists(new):
            self._changed()

    def _happened(self, place: Place, event: Object) -> None:
        found = event["object"]
        if event["type"] not in ("ADDED", "MODIFIED", "DELETED"):
            return
        with self._lock:
            there = dict(self._places[place] or {})
            before = there.pop(identity(found), None)
            if event["type"] != "DELETED":
                there[identity(found)] = found
            after = there.get(identity(found))
            self._put(place, there)
        if (before and gist(before)) != (after and gist(after)):
            self._changed()

    def _put(self, place: Place, found: dict[Identity, Object]) -> None:
        """Keep what is at a place; a namespace that is new is followed before anybody sees that it is there."""
        if place[0] == "namespaces":
            for each in found.values():
                for plural in KINDS:
                    self._follow(plural, each["metadata"]["name"])
        self._places[place] = found

    def _absent(self, place: Place, error: ApiError) -> None:
        """A kind that one may not watch, or that there is none of, stays as it was read."""
        if place[1] is None or (place[0] in _NEEDED and error.status == HTTPStatus.FORBIDDEN):
            self.refusal = error
        with self._lock:
            self._places[place] = self._places[place] or {}
            self._troubles.pop(place, None)
        self._changed()

    def _in_trouble(self, place: Place, words: str) -> None:
        with self._lock:
            new = not self._troubles
            self._troubles[place] = words
        if new:
            self._changed()


def _gists(found: dict[Identity, Object]) -> dict[Identity, Object]:
    return {key: gist(o) for key, o in found.items()}


def gist(found: Object) -> Object:
    """What of an object can change a verdict, or whether it has settled: no versions, no heartbeats."""
    metadata = {k: v for k, v in found["metadata"].items() if k not in ("resourceVersion", "managedFields")}
    if found["kind"] == "Node":  # its annotations and most of its status are its kubelet's diary
        metadata.pop("annotations", None)
        status = {k: found.get("status", {}).get(k) for k in ("capacity", "allocatable")}
        return {"metadata": metadata, "spec": found.get("spec"), "status": status, "ready": is_ready(found)}
    notes = metadata.pop("annotations", None) or {}
    metadata["annotations"] = {k: v for k, v in notes.items() if not k.startswith("endpoints.kubernetes.io/")}
    status = dict(found.get("status") or {})
    if "conditions" in status:
        status["conditions"] = [
            {k: v for k, v in c.items() if k not in _HEARTBEATS} for c in status["conditions"] or ()
        ]
    return {**found, "metadata": metadata, "status": status}
