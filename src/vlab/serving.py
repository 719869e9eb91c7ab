"""Begins where clients do: the Services and port that the brief names, the ready pods behind them, what owns those."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vlab.settings import PORT, SERVICE

Object = dict[str, Any]


@dataclass(frozen=True)
class Owner:
    """What a serving pod follows from at the top: a Deployment, a StatefulSet, the pod itself ..."""

    kind: str
    name: str
    uid: str
    found: Object | None
    """None if it is of a kind that this cluster did not show."""
    pods: tuple[Object, ...]
    """Its pods behind the Service."""


@dataclass(frozen=True)
class Door:
    """One address of the brief, and what stands behind it now."""

    name: str
    """Of the Service."""
    service: Object | None
    port: Object | None = None
    """The Service's port that the brief names."""
    pods: Mapping[str, Object] = field(default_factory=dict)
    """Ready ones, by the cluster's own word, by name."""
    ports: Mapping[str, int] = field(default_factory=dict)
    """By pod the port on which it listens."""
    strangers: tuple[str, ...] = ()
    """Endpoints that are no pod of this namespace, by their addresses."""


@dataclass(frozen=True)
class Serving:
    """What stands behind the brief's addresses now."""

    doors: tuple[Door, ...]
    owners: tuple[Owner, ...] = ()

    @property
    def pods(self) -> tuple[Object, ...]:
        """The ready pods behind any of them."""
        return tuple({name: pod for door in self.doors for name, pod in door.pods.items()}.values())

    @property
    def ports(self) -> dict[str, int]:
        """By pod the port on which it listens; where doors lead to several, the first door's."""
        return {name: port for door in reversed(self.doors) for name, port in door.ports.items()}

    @property
    def strangers(self) -> tuple[str, ...]:
        """Endpoints that are no pod of this namespace, by their addresses."""
        return tuple(stranger for door in self.doors for stranger in door.strangers)

    @property
    def urls(self) -> dict[str, str]:
        """By pod the address of its own."""
        return {p["metadata"]["name"]: f"http://{_host(p)}:{self.ports[p['metadata']['name']]}" for p in self.pods}


def address(service: str, namespace: str) -> str:
    """What clients inside the cluster call a Service by."""
    return f"http://{service}.{namespace}.svc:{PORT}"


def _host(pod: Object) -> str:
    address = str(pod["status"]["podIP"])
    return f"[{address}]" if ":" in address else address


def serving(objects: Iterable[Object], namespace: str, addresses: Sequence[str] = (SERVICE,)) -> Serving:
    """What serves, among all objects of an exercise, behind the Services of these names."""
    every = list(objects)
    here = [o for o in every if o["metadata"].get("namespace") == namespace]
    doors = tuple(_door(here, name) for name in addresses)
    return Serving(doors, tuple(_owners(Serving(doors).pods, every)))


def _door(here: Sequence[Object], name: str) -> Door:
    service = next((o for o in here if o["kind"] == "Service" and o["metadata"]["name"] == name), None)
    ports = [] if service is None else service["spec"].get("ports") or []
    port = next((p for p in ports if p["port"] == PORT and p.get("protocol", "TCP") == "TCP"), None)
    if service is None or port is None:
        return Door(name, service, port)
    by_name = {o["metadata"]["name"]: o for o in here if o["kind"] == "Pod"}
    pods: dict[str, Object] = {}
    numbers: dict[str, int] = {}
    strangers: list[str] = []
    for address, number, target in _endpoints(here, name, port):
        pod = by_name.get(target)
        if pod is None or address not in _addresses(pod):
            strangers.append(f"{address}:{number}")
        elif "deletionTimestamp" not in pod["metadata"] and is_ready(pod):
            pods[target], numbers[target] = pod, number
    return Door(name, service, port, pods, numbers, tuple(strangers))


def _endpoints(here: Sequence[Object], service: str, port: Object) -> Iterable[tuple[str, int, str]]:
    """Address, port and pod (or an empty string) of each ready endpoint of the Service."""
    for each in here:
        labels = each["metadata"].get("labels", {})
        if each["kind"] != "EndpointSlice" or labels.get("kubernetes.io/service-name") != service:
            continue
        numbers = [p["port"] for p in each.get("ports") or () if (p.get("name") or "") == (port.get("name") or "")]
        for endpoint in each.get("endpoints") or ():
            conditions = endpoint.get("conditions") or {}
            target = endpoint.get("targetRef") or {}
            name = target.get("name", "") if target.get("kind") == "Pod" else ""
            if conditions.get("ready", True) is not False:
                yield from ((address, int(n), name) for address in endpoint["addresses"] for n in numbers)


def is_ready(found: Object) -> bool:
    """Whether a pod's or a node's Ready condition is true; a Service may be told to lead to others as well."""
    return holds(found, "Ready")


def holds(found: Object, condition: str) -> bool:
    """Whether a condition of an object's status is true."""
    conditions = found.get("status", {}).get("conditions") or ()
    return any(c["type"] == condition and c["status"] == "True" for c in conditions)


def _addresses(pod: Object) -> set[str]:
    status = pod.get("status", {})
    return {status.get("podIP", "")} | {i["ip"] for i in status.get("podIPs") or ()}


def _owners(pods: Sequence[Object], objects: Sequence[Object]) -> Iterable[Owner]:
    by_uid = {o["metadata"]["uid"]: o for o in objects if "uid" in o["metadata"]}
    tops: dict[str, tuple[Object, list[Object]]] = {}
    for pod in pods:
        top = top_of(pod, by_uid)
        tops.setdefault(top["uid"], (top, []))[1].append(pod)
    for uid, (top, own) in tops.items():
        yield Owner(top["kind"], top["name"], uid, by_uid.get(uid), tuple(own))


def top_of(found: Object, by_uid: Mapping[str, Object]) -> Object:
    """Kind, name and uid of what an object follows from at the top; of itself if from nothing."""
    metadata = found["metadata"]
    for _ in range(10):
        reference = next((r for r in metadata.get("ownerReferences", ()) if r.get("controller")), None)
        if reference is None:
            return {"kind": found["kind"], "name": metadata["name"], "uid": metadata.get("uid", metadata["name"])}
        if reference["uid"] not in by_uid:
            return {k: reference[k] for k in ("kind", "name", "uid")}
        found = by_uid[reference["uid"]]
        metadata = found["metadata"]
    return {"kind": found["kind"], "name": metadata["name"], "uid": metadata["uid"]}


def incomplete(owner: Owner) -> str:
    """What an owner lacks to have every pod that it wants, ready and of its current revision; empty if nothing."""
    found = owner.found
    if found is None or found["kind"] == "Pod":
        return ""
    status, spec = found.get("status", {}), found.get("spec", {})
    if status.get("observedGeneration", 0) < found["metadata"].get("generation", 0):
        return "a change that its controller has not seen yet"
    if found["kind"] == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0)
        counts = {"updated": status.get("updatedNumberScheduled", 0), "ready": status.get("numberReady", 0)}
    elif found["kind"] == "Deployment":
        wanted = spec.get("replicas", 1)
        counts = {n: status.get(f"{n}Replicas", 0) for n in ("updated", "ready", "available")}
        if status.get("replicas", 0) > wanted:
            return f"{wanted} replicas, not {status['replicas']}: old ones are kept"
    elif found["kind"] == "StatefulSet":
        wanted = spec.get("replicas", 1)
        current = sum(
            p["metadata"].get("labels", {}).get("controller-revision-hash") == status.get("updateRevision")
            for p in owner.pods
        )
        counts = {"updated": current, "ready": status.get("readyReplicas", 0)}
    elif found["kind"] in ("ReplicaSet", "ReplicationController"):
        wanted = spec.get("replicas", 1)
        counts = {"ready": status.get("readyReplicas", 0)}
    else:
        return ""
    return next((f"{wanted} {name}, has {n}" for name, n in counts.items() if n < wanted), "")


def container(pod: Object, name: str) -> Object:
    """A container of a pod's spec, and its status under `status`."""
    spec = next(c for c in pod["spec"]["containers"] if c["name"] == name)
    statuses = pod.get("status", {}).get("containerStatuses", ())
    return {**spec, "status": next((s for s in statuses if s["name"] == name), {})}


def extended(pod: Object) -> dict[str, int]:
    """What a pod asks for of extended resources, such as nvidia.com/gpu."""
    total: dict[str, int] = {}
    for container in pod["spec"]["containers"]:
        for name, count in container.get("resources", {}).get("limits", {}).items():
            if "/" in name and str(count).isdigit():
                total[name] = total.get(name, 0) + int(count)
    return total
