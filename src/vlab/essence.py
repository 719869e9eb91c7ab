"""What somebody has decided about an object: without identity, history, status and what follows by itself."""

from collections.abc import Iterable
from typing import Any

Object = dict[str, Any]

_IDENTITY = {
    *("creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields"),
    *("namespace", "resourceVersion", "selfLink", "uid"),
}
_BY_MACHINES = (
    *("deployment.kubernetes.io/", "endpoints.kubernetes.io/", "kubectl.kubernetes.io/"),
    *("pv.kubernetes.io/", "volume.kubernetes.io/", "volume.beta.kubernetes.io/", "deprecated.daemonset."),
)
"""Annotations that Kubernetes and kubectl keep for themselves."""
_ASSIGNED = {
    "PersistentVolumeClaim": ("volumeName",),
    "Pod": ("nodeName",),
    "Node": ("podCIDR", "podCIDRs", "providerID"),
}
"""Fields of a spec that a controller fills in."""
_CONDITIONS = "node.kubernetes.io/"
"""Taints that say how a node is, not what somebody wants of it."""

Identity = tuple[str, str, str]


def identity(found: Object) -> Identity:
    """Kind, namespace and name."""
    return found["kind"], found["metadata"].get("namespace", ""), found["metadata"]["name"]


def follows(found: Object) -> bool:
    """Whether something else made it, which will see to it: a ReplicaSet's pod, a Deployment's ReplicaSet."""
    return bool(found["metadata"].get("ownerReferences"))


def essences(objects: Iterable[Object]) -> dict[Identity, Object]:
    """The essence of every object that does not follow from another one."""
    return {identity(o): essence(o) for o in objects if not follows(o)}


def essence(found: Object) -> Object:
    """What somebody has decided about one object. Of a node: labels, taints, whether pods may come, its capacity."""
    rest = {k: v for k, v in found.items() if k not in ("apiVersion", "metadata", "status")}
    if "spec" in rest:
        rest["spec"] = {k: v for k, v in rest["spec"].items() if k not in _ASSIGNED.get(found["kind"], ())}
        if found["kind"] == "Service" and rest["spec"].get("clusterIP") != "None":
            rest["spec"] = {k: v for k, v in rest["spec"].items() if k not in ("clusterIP", "clusterIPs")}
    if found["kind"] == "Node":
        rest = {**rest, "spec": _node(rest["spec"]), "capacity": capacity(found)}
    return {**rest, "metadata": _metadata(found)}


def capacity(node: Object) -> dict[str, str]:
    """What a node says it has of extended resources, such as nvidia.com/gpu; none of one is not having it."""
    offered = node.get("status", {}).get("capacity", {})
    return {k: v for k, v in sorted(offered.items()) if "/" in k and v != "0"}


def taints(node: Object) -> list[Object]:
    """The taints of a node that somebody put there."""
    kept = [t for t in node.get("spec", {}).get("taints") or () if not t["key"].startswith(_CONDITIONS)]
    return sorted(
        ({k: v for k, v in t.items() if k != "timeAdded"} for t in kept), key=lambda t: (t["key"], t["effect"])
    )


def _node(spec: Object) -> Object:
    return {"taints": taints({"spec": spec}), "unschedulable": bool(spec.get("unschedulable"))}


def _metadata(found: Object) -> Object:
    metadata = found["metadata"]
    kept: Object = {k: v for k, v in metadata.items() if k not in _IDENTITY | {"annotations", "finalizers"}}
    kept = {k: v for k, v in kept.items() if v}
    if found["kind"] == "Node":  # its annotations are all its kubelet's
        return kept
    annotations = {k: v for k, v in metadata.get("annotations", {}).items() if not k.startswith(_BY_MACHINES)}
    return {**kept, **({"annotations": annotations} if annotations else {})}
