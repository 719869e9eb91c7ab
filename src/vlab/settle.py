"""Waits until a learner's deployment has stopped moving: everything ready, or stuck for a reason."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from vlab.cluster.kube import Kube

Object = dict[str, Any]

PATIENCE_S = 300.0

_SECOND_TRY_S = 2.0
"""What a pod waits for may just have been released: the scheduler tries again a second after it first failed."""

_STUCK = {
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "RunContainerError",
}


def settle(
    cluster: Kube,
    namespace: str,
    note: Callable[[str], None],
    patience: float = PATIENCE_S,
    creating: float = PATIENCE_S,
) -> str | None:
    """Wait until nothing moves in the namespace.

    Args:
        patience: seconds to wait in all.
        creating: seconds after which a pod that has a node and runs no container counts as stuck.

    Returns:
        None, or what still moves after `patience` seconds.
    """

    began = time.monotonic()

    def look() -> str | None:
        objects = cluster.items("deployments,replicasets,pods", "-n", namespace)
        found = moving(objects, datetime.now(UTC), creating)
        if found is None and any(map(_is_unschedulable, objects)) and time.monotonic() - began < _SECOND_TRY_S:
            found = "the scheduler may try once more"
        note(found or "")
        return found

    try:
        Retrying(retry=retry_if_result(bool), stop=stop_after_delay(patience), wait=wait_fixed(0.5))(look)
    except RetryError as e:
        return str(e.last_attempt.result())
    return None


def moving(objects: list[Object], now: datetime, creating: float = PATIENCE_S) -> str | None:
    """What is still on its way, in a few words; None if all is as it will stay.

    A pod that cannot be scheduled, crashes or lacks its image will stay so: that is settled.
    """
    for found in objects:
        name = found["metadata"]["name"]
        if "deletionTimestamp" in found["metadata"]:
            return f"{name} is ending"
        if found["kind"] == "Deployment" and (words := _deployment(found)):
            return f"{name} {words}"
        if found["kind"] == "Pod" and (words := _pod(found, now, creating)):
            return f"{name} {words}"
    return _missing_pods(objects)


def _deployment(found: Object) -> str | None:
    status = found.get("status", {})
    if status.get("observedGeneration", 0) < found["metadata"]["generation"]:
        return "has a change that is not seen yet"
    if any(c["type"] == "ReplicaFailure" and c["status"] == "True" for c in status.get("conditions", ())):
        return None
    if status.get("updatedReplicas", 0) < found["spec"].get("replicas", 1):
        return "is being rolled out"
    return None


def _pod(found: Object, now: datetime, creating: float) -> str | None:
    status = found.get("status", {})
    if status.get("phase") in ("Succeeded", "Failed") or _has(status, "Ready", "True"):
        return None
    if _is_unschedulable(found):
        return None
    containers = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    for container in containers:
        waiting = container.get("state", {}).get("waiting", {}).get("reason", "")
        # Once it has ended by itself it will end again; waiting for the next try tells nothing new.
        if waiting in _STUCK or container.get("restartCount", 0) > 0:
            return None
    started = any("running" in c.get("state", {}) for c in containers)
    return None if not started and _scheduled_for(status, now) > creating else "is starting"


def _is_unschedulable(found: Object) -> bool:
    return found["kind"] == "Pod" and _has(found.get("status", {}), "PodScheduled", "False")


def _scheduled_for(status: Object, now: datetime) -> float:
    """Seconds since the pod got its node: if its volume cannot be mounted it waits there for ever."""
    times = [c["lastTransitionTime"] for c in status.get("conditions", ()) if c["type"] == "PodScheduled"]
    return (now - datetime.fromisoformat(times[0])).total_seconds() if times else 0.0


def _has(status: Object, condition: str, value: str) -> bool:
    return any(c["type"] == condition and c["status"] == value for c in status.get("conditions", ()))


def _missing_pods(objects: list[Object]) -> str | None:
    """A ReplicaSet that has just been told to make pods has not made them yet."""
    for found in objects:
        if found["kind"] == "ReplicaSet" and found["spec"].get("replicas", 0) > found["status"].get("replicas", 0):
            failing = any(c["type"] == "ReplicaFailure" for c in found["status"].get("conditions", ()))
            if not failing:
                return f"{found['metadata']['name']} is making pods"
    return None
