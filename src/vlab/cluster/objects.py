"""Reads and removes everything in an exercise's namespaces, of whatever kind the cluster knows."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

from vlab.cluster.kube import Kube
from vlab.cluster.lab import Lab
from vlab.cluster.refusals import ApiError
from vlab.cluster.resources import Resource
from vlab.essence import Identity, follows, identity
from vlab.settings import EXERCISE, NAMED_ITS_NODE

Object = dict[str, Any]

_PASSING = {"bindings", "endpoints", "events", "leases", "controllerrevisions"}
"""Kinds that say what happens, not what somebody wants."""
SHAPERS = ("HorizontalPodAutoscaler", "ResourceQuota", "LimitRange", "NetworkPolicy", "PodDisruptionBudget")
"""What keeps others from being made or removed: it goes first."""
WORKLOADS = (
    *("CronJob", "Job", "Deployment", "StatefulSet", "DaemonSet", "LeaderWorkerSet"),
    *("ReplicationController", "ReplicaSet", "Pod"),
)
CLUSTER_WIDE = ("priorityclasses", "mutatingwebhookconfigurations", "validatingwebhookconfigurations")
"""Kinds without a namespace with which a learner can change what happens in one."""


def namespaces(cluster: Kube, lab: Lab, namespace: str) -> list[Object]:
    """The exercise's own namespace and those that belong to it, as far as they are there and this lab's."""
    return cluster.items("namespaces", selector=ours(lab, namespace))


def ours(lab: Lab, namespace: str) -> str:
    """The label selector of an exercise's namespaces."""
    return ",".join(f"{label}={value}" for label, value in {**lab.labels, EXERCISE: namespace}.items())


def _of_others(lab: Lab, namespace: str) -> str:
    """The label selector of the namespaces of other exercises on a lab."""
    return ",".join([*(f"{k}={v}" for k, v in lab.labels.items()), EXERCISE, f"{EXERCISE}!={namespace}"])


def of_namespaces(cluster: Kube, names: Sequence[str]) -> list[Object]:
    """Every object in these namespaces, the namespaces themselves not among them."""
    kinds = [r for r in cluster.resources.values() if r.namespaced and r.plural not in _PASSING]
    wanted = [(r, name) for name in names for r in kinds]
    with ThreadPoolExecutor(8) as pool:
        return [o for found in pool.map(lambda w: _items(cluster, *w), wanted) for o in found]


def _items(cluster: Kube, of: Resource, namespace: str | None) -> list[Object]:
    """The objects of a kind; none where one may not look, or where the kind has no such list."""
    try:
        found = cluster.read(of.path(namespace)).get("items") or ()
    except ApiError as e:
        if e.status in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
            return []
        raise
    return [{"apiVersion": of.version, "kind": of.kind, **o} for o in found]


def snapshot(cluster: Kube, lab: Lab, namespace: str) -> list[Object]:
    """The exercise's namespaces with all that is in them, the nodes, and what else can change what happens there.

    If its own is there without this lab's labels, that is all that is said of it. Of pods in other namespaces those
    that hold GPUs are there too, as far as one may look, but for those of other exercises on this lab.
    """
    spaces = namespaces(cluster, lab, namespace)
    names = [o["metadata"]["name"] for o in spaces]
    inside = [_with_its_choice(o) for o in of_namespaces(cluster, names)]
    nodes = cluster.items("nodes")
    for node in nodes:
        node["status"].pop("images", None)  # long, and nobody reads it
    wide = [o for plural in CLUSTER_WIDE for o in _items(cluster, cluster.resources[plural], None)]
    pods = [p for p in _items(cluster, cluster.resources["pods"], None) if p["metadata"]["namespace"] not in names]
    taken = {o["metadata"]["name"] for o in cluster.items("namespaces", selector=_of_others(lab, namespace))}
    others = [
        p for p in pods if any(map(_extended, p["spec"]["containers"])) and p["metadata"]["namespace"] not in taken
    ]
    return [*spaces, *_unmarked(cluster, names, namespace), *inside, *nodes, *wide, *map(_brief, others)]


def volumes_of(cluster: Kube, namespace: str) -> list[Object]:
    """The volumes that claims of a namespace have or had.

    Raises:
        ApiError: one may not look.
    """
    every = cluster.items("persistentvolumes")
    return [v for v in every if (v["spec"].get("claimRef") or {}).get("namespace") == namespace]


def _unmarked(cluster: Kube, marked: Sequence[str], namespace: str) -> list[Object]:
    """The exercise's namespace, if somebody made it without its labels."""
    found = None if namespace in marked else cluster.find("namespaces", namespace)
    return [] if found is None else [{"apiVersion": "v1", "kind": "Namespace", **found}]


def _with_its_choice(found: Object) -> Object:
    """Of a pod that nothing made: whether whoever wrote it named its node, which the scheduler else does."""
    if found["kind"] != "Pod" or follows(found):
        return found
    fields = [m.get("fieldsV1", {}).get("f:spec", {}) for m in found["metadata"].get("managedFields", ())]
    if not any("f:nodeName" in f for f in fields):
        return found
    annotations = {**found["metadata"].get("annotations", {}), NAMED_ITS_NODE: "true"}
    return {**found, "metadata": {**found["metadata"], "annotations": annotations}}


def _extended(container: Object) -> bool:
    return any("/" in name for name in container.get("resources", {}).get("limits", {}))


def _brief(pod: Object) -> Object:
    """Of somebody else's pod: whose it is and what it holds, no more."""
    metadata = {k: pod["metadata"].get(k) for k in ("name", "namespace", "uid", "labels", "deletionTimestamp")}
    containers = [{"name": c["name"], "resources": c.get("resources", {})} for c in pod["spec"]["containers"]]
    spec = {"nodeName": pod["spec"].get("nodeName"), "containers": containers}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {k: v for k, v in metadata.items() if v is not None},
        "spec": spec,
        "status": {"phase": pod["status"].get("phase", "")},
    }


def delete(cluster: Kube, doomed: Iterable[Object], pods: Iterable[Object], timeout: float = 120) -> None:
    """Delete objects, with the pods that follow from them, and wait until all of it is gone.

    Raises:
        LabError: one is still there after `timeout` seconds; a finalizer may hold it.
    """
    gone = list(doomed)
    uids = {o["metadata"]["uid"] for o in gone}
    for each in gone:
        cluster.delete(
            cluster.resource(each).plural, each["metadata"]["name"], each["metadata"].get("namespace"), grace=1
        )
    for pod in pods:
        if pod["metadata"]["uid"] in uids or _tops(pod) & uids:
            cluster.delete("pods", pod["metadata"]["name"], pod["metadata"]["namespace"], grace=1)
    for each in gone:
        cluster.gone(
            cluster.resource(each).plural, each["metadata"]["name"], each["metadata"].get("namespace"), timeout
        )


def _tops(pod: Object) -> set[str]:
    return set(pod.get("tops", ()))


def with_tops(objects: Sequence[Object]) -> list[Object]:
    """The pods, each with the uids of everything that it follows from under `tops`."""
    by_uid = {o["metadata"]["uid"]: o for o in objects if "uid" in o["metadata"]}

    def above(found: Object) -> set[str]:
        uids = {r["uid"] for r in found["metadata"].get("ownerReferences", ())}
        return uids.union(*(above(by_uid[u]) for u in uids if u in by_uid)) if uids else uids

    return [{**o, "tops": sorted(above(o))} for o in objects if o["kind"] == "Pod"]


def decided(objects: Iterable[Object]) -> dict[Identity, Object]:
    """The objects that somebody made, by identity; what follows from others is left out."""
    return {identity(o): o for o in objects if not follows(o)}
