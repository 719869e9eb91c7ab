"""Waits until a learner's deployment has stopped moving: everything ready, or stuck for a reason that stays."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vlab.cluster.kube import Kube
from vlab.cluster.lab import Lab
from vlab.cluster.objects import namespaces
from vlab.errors import LabError
from vlab.evidence import Settled
from vlab.serving import extended, incomplete, is_ready, serving

Object = dict[str, Any]

PATIENCE_S = 300.0
_LOOK_S = 0.3
_SECOND_TRY_S = 2.0
"""What a pod waits for may just have been released: the scheduler tries again a second after it first failed."""
_BACKOFF_S = 12.0
"""A scheduler that failed often waits up to ten seconds before it tries again, though there is room now."""
_EARLY_S = 120.0
"""An engine that ends sooner after its start than this was never of use."""

_NO_IMAGE = {"ErrImageNeverPull", "ErrImagePull", "ImagePullBackOff", "InvalidImageName"}
_NEVER = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"} | _NO_IMAGE


@dataclass(frozen=True)
class Limits:
    """After how many seconds a pod that does not come on counts as stuck."""

    creating: float = PATIENCE_S
    """With a node, but no container: where every image is on the node, one is there at once or never."""
    starting: float = PATIENCE_S
    """With a container that runs and is not ready."""
    patient: bool = True
    """Whether one end of a container is not enough: it may have been somebody's kill."""


def settle(
    cluster: Kube,
    lab: Lab,
    namespace: str,
    note: Callable[[str], None],
    addresses: Sequence[str],
    patience: float = PATIENCE_S,
    limits: Limits = Limits(),
) -> Settled:
    """Wait until nothing moves in the exercise's namespaces, and the nodes that it runs on are ready."""
    began = time.monotonic()
    waits_since: float | None = None
    while True:
        now = time.monotonic()
        waits_since = waits_since or now
        try:
            found, waits = _look(cluster, lab, namespace, limits, now - waits_since, addresses)
        except LabError as e:
            found, waits = e.message, False
        if not waits:
            waits_since = None
        note(found or "")
        if found is None or now - began > patience:
            return Settled(moving=found or "", seconds=round(now - began, 1))
        time.sleep(_LOOK_S)


def restless(
    objects: Sequence[Object],
    now: datetime,
    lab: Lab,
    namespace: str,
    limits: Limits,
    addresses: Sequence[str],
) -> str | None:
    """What moves in a snapshot of a whole exercise, though it had settled before; None if nothing does."""
    spaces = {o["metadata"]["name"] for o in objects if o["kind"] == "Namespace"}
    nodes = [o for o in objects if o["kind"] == "Node"]
    own = [o for o in objects if o["kind"] == "Namespace" or o["metadata"].get("namespace") in spaces]
    return lost(nodes, own, every=lab.provider != "context") or moving(own, now, namespace, limits, addresses)


def _look(
    cluster: Kube, lab: Lab, namespace: str, limits: Limits, waited: float, addresses: Sequence[str]
) -> tuple[str | None, bool]:
    """What still moves, and whether it is only that the scheduler may try once more: for `waited` seconds so far."""
    now = cluster.now()
    spaces = namespaces(cluster, lab, namespace)
    kinds = "services,endpointslices,deployments,statefulsets,daemonsets,replicasets,pods"
    objects = [*spaces, *(o for space in spaces for o in cluster.items(kinds, space["metadata"]["name"]))]
    nodes = cluster.items("nodes")
    found = lost(nodes, objects, every=lab.provider != "context") or moving(objects, now, namespace, limits, addresses)
    if found is not None or serves(objects, namespace, addresses):
        return found, False
    pending = [o for o in objects if is_unschedulable(o)]
    pods = cluster.items("pods", fields="status.phase!=Succeeded,status.phase!=Failed") if pending else []
    return tries_again(pending, nodes, pods, waited), bool(pending)


def tries_again(
    pending: Sequence[Object], nodes: Sequence[Object], pods: Sequence[Object], waited: float
) -> str | None:
    """Whether the scheduler may yet place pods that it found no room for, in words; None if it will not.

    Args:
        pods: all that hold something of the nodes.
        waited: seconds since they were first seen to wait.
    """
    room = _BACKOFF_S if _fits(pods, nodes, pending) else _SECOND_TRY_S
    return "the scheduler may try once more" if pending and waited < room else None


def _fits(pods: Sequence[Object], nodes: Sequence[Object], pending: Sequence[Object]) -> bool:
    """Whether a node seems to have enough free of what a waiting pod asks for of extended resources."""
    taken: dict[tuple[str, str], int] = {}
    for pod in pods:
        for name, count in extended(pod).items():
            key = (pod["spec"].get("nodeName", ""), name)
            taken[key] = taken.get(key, 0) + count
    for pod in pending:
        wants = extended(pod)
        for node in nodes:
            name, offers = node["metadata"]["name"], node["status"].get("allocatable", {})
            if all(int(offers.get(k, 0)) - taken.get((name, k), 0) >= v for k, v in wants.items()):
                return True
    return False


def lost(nodes: Sequence[Object], objects: Sequence[Object], *, every: bool) -> str | None:
    """A node that is not ready: what its pods do is not known. `every`: not only those that these pods are on."""
    used = {o["spec"].get("nodeName") for o in objects if o["kind"] == "Pod"}
    for node in nodes:
        name = node["metadata"]["name"]
        if (every or name in used) and not is_ready(node):
            return f"node {name} is not ready"
    return None


def moving(
    objects: Sequence[Object],
    now: datetime,
    namespace: str,
    limits: Limits,
    addresses: Sequence[str],
) -> str | None:
    """What is still on its way, in a few words; None if all is as it will stay.

    A pod that cannot be scheduled, has crashed again, or lacks its image will stay so: that is settled. So is what
    else starts beside a server that is whole: bystanders decide nothing.

    Args:
        now: by the cluster's clock, as the times in the objects are.
        namespace: the exercise's own.
    """
    if found := ending(objects) or unseen(objects):
        return found
    if serves(objects, namespace, addresses):
        return _unproven(objects, namespace, now, addresses)
    for each in objects:
        name = each["metadata"]["name"]
        if each["kind"] == "Pod" and (words := _pod(each, now, limits)):
            return f"{name} {words}"
        if each["kind"] == "StatefulSet" and (words := _stateful_set(each, objects)):
            return f"{name} {words}"
    return None


def serves(objects: Sequence[Object], namespace: str, addresses: Sequence[str]) -> bool:
    """Whether every address leads to ready pods, as many as their owners want."""
    found = serving(objects, namespace, addresses)
    return all(door.pods for door in found.doors) and not any(map(incomplete, found.owners))


_OUTLIVE_S = 15.0


def _unproven(objects: Sequence[Object], namespace: str, now: datetime, addresses: Sequence[str]) -> str | None:
    """A serving container that has ended soon after its start before, and has not outlived that yet.

    Its restarts are no verdict, but something that dies every minute is ready for a moment every minute.
    """
    for pod in serving(objects, namespace, addresses).pods:
        for container in pod["status"].get("containerStatuses", ()):
            life, running = _last_life(container), container.get("state", {}).get("running")
            if life is None or life >= _EARLY_S or running is None:
                continue
            if (now - datetime.fromisoformat(running["startedAt"])).total_seconds() < life + _OUTLIVE_S:
                return f"{pod['metadata']['name']} ended after {life:.0f} s before, and has not outlived that"
    return None


def ending(objects: Sequence[Object]) -> str | None:
    """Something that is being deleted."""
    return next((f"{o['metadata']['name']} is ending" for o in objects if "deletionTimestamp" in o["metadata"]), None)


def unseen(objects: Sequence[Object]) -> str | None:
    """A workload whose controller has not caught up with what was last decided."""
    for each in objects:
        if each["kind"] == "Deployment" and (words := _deployment(each)):
            return f"{each['metadata']['name']} {words}"
    return _missing_pods(objects)


def _deployment(found: Object) -> str | None:
    status = found.get("status", {})
    if status.get("observedGeneration", 0) < found["metadata"]["generation"]:
        return "has a change that is not seen yet"
    if found["spec"].get("paused"):
        return None
    if any(c["type"] == "ReplicaFailure" and c["status"] == "True" for c in status.get("conditions", ())):
        return None
    if status.get("updatedReplicas", 0) < found["spec"].get("replicas", 1):
        return "is being rolled out"
    return None


def _stateful_set(found: Object, objects: Sequence[Object]) -> str | None:
    status, uid = found.get("status", {}), found["metadata"]["uid"]
    if status.get("observedGeneration", 0) < found["metadata"]["generation"]:
        return "has a change that is not seen yet"
    own = [
        o
        for o in objects
        if o["kind"] == "Pod" and any(r["uid"] == uid for r in o["metadata"].get("ownerReferences", ()))
    ]
    if not own and found["spec"].get("replicas", 1):
        return "is making pods"
    # It makes one pod after the other, each when the one before is ready; one that is stuck ends that.
    all_ready = all(is_ready(pod) for pod in own)
    return "is making pods" if all_ready and len(own) < found["spec"].get("replicas", 1) else None


def _pod(found: Object, now: datetime, limits: Limits) -> str | None:
    status = found.get("status", {})
    if status.get("phase") in ("Succeeded", "Failed") or is_ready(found) or is_unschedulable(found):
        return None
    containers = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    if any(_will_not_start(c, limits.patient) for c in containers):
        return None
    running = [c["state"]["running"]["startedAt"] for c in containers if "running" in c.get("state", {})]
    waiting = [c for c in status.get("containerStatuses", ()) if not c.get("ready")]
    if running and all("running" in c.get("state", {}) for c in waiting):
        age = (now - datetime.fromisoformat(max(running))).total_seconds()
        return None if age > limits.starting else "is starting"
    if not running and not any(c.get("restartCount") for c in containers):
        return None if _scheduled_for(status, now) > limits.creating else "is starting"
    return "is starting again"


def _will_not_start(container: Object, patient: bool) -> bool:
    """Whether a container has ended by itself again and again, or cannot be made at all."""
    waiting = container.get("state", {}).get("waiting", {}).get("reason", "")
    if not patient and container.get("restartCount", 0):
        return True
    # The kubelet starts it again at once after its first end: who waits in this state has ended twice.
    return waiting in _NEVER or (waiting == "CrashLoopBackOff" and _ended_early(container))


def _ended_early(container: Object) -> bool:
    """Whether its last run ended within two minutes: not the one of an engine that had served for long."""
    life = _last_life(container)
    return life is None or life < _EARLY_S


def _last_life(container: Object) -> float | None:
    """Seconds that the container's last run lasted; None if there was none, or that is not known."""
    ended = container.get("lastState", {}).get("terminated", {})
    if not ended.get("startedAt") or not ended.get("finishedAt"):
        return None
    return (datetime.fromisoformat(ended["finishedAt"]) - datetime.fromisoformat(ended["startedAt"])).total_seconds()


def is_unschedulable(found: Object) -> bool:
    """Whether the scheduler found no place for a pod."""
    conditions = found.get("status", {}).get("conditions", ())
    return found["kind"] == "Pod" and any(c["type"] == "PodScheduled" and c["status"] == "False" for c in conditions)


def _scheduled_for(status: Object, now: datetime) -> float:
    """Seconds since the pod got its node: if its volume cannot be mounted it waits there for ever."""
    times = [c["lastTransitionTime"] for c in status.get("conditions", ()) if c["type"] == "PodScheduled"]
    return (now - datetime.fromisoformat(times[0])).total_seconds() if times else 0.0


def _missing_pods(objects: Sequence[Object]) -> str | None:
    """A ReplicaSet that has just been told to make pods has not made them yet."""
    for found in objects:
        if found["kind"] == "ReplicaSet" and found["spec"].get("replicas", 0) > found["status"].get("replicas", 0):
            failing = any(c["type"] == "ReplicaFailure" for c in found["status"].get("conditions", ()))
            if not failing:
                return f"{found['metadata']['name']} is making pods"
    return None
