"""The columns of `kubectl get`, which a cluster makes and kubectl prints."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from vlab.evidence import Object
from vlab.playback.ages import UNKNOWN, ago, duration, first_seen, last_seen, moment

NONE = "<none>"

Cell = Callable[[Object, datetime], Any]


class Column(NamedTuple):
    """One column: its title, what stands in it, whether only `-o wide` shows it."""

    title: str
    cell: Cell
    wide: bool = False


def table(objects: Iterable[Object], kind: str, at: datetime, *, whole: bool) -> dict[str, Any]:
    """Objects of one kind as a Table, with ages seen from `at`.

    Args:
        whole: whether the objects themselves are wanted besides, as sorting wants them.
    """
    columns = _COLUMNS.get(kind, _PLAIN)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": "1"},
        "columnDefinitions": [
            {
                "name": c.title,
                "type": "string",
                "format": "name" if c.title == "Name" else "",
                "description": "",
                "priority": int(c.wide),
            }
            for c in columns
        ],
        "rows": [{"cells": [c.cell(o, at) for c in columns], "object": o if whole else _metadata(o)} for o in objects],
    }


def _metadata(found: Object) -> Object:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": found["metadata"]}


def _at(path: str, default: Any = "") -> Cell:
    """A column that shows one field as it is."""

    def cell(found: Object, _: datetime) -> Any:
        value: Any = found
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return default if value is None else value

    return cell


def _count(path: str) -> Cell:
    """A column that shows how many entries a field has."""
    field = _at(path)
    return lambda found, at: len(field(found, at))


def _pairs(of: dict[str, Any] | None) -> str:
    return ",".join(f"{k}={v}" for k, v in sorted((of or {}).items())) or NONE


def _selector(path: str) -> Cell:
    field = _at(path)
    return lambda found, at: _pairs(field(found, at) or None)


def _few(of: Sequence[str], most: int = 3) -> str:
    more = f" + {len(of) - most} more..." if len(of) > most else ""
    return ",".join(of[:most]) + more if of else NONE


# Pods


def _pod_ready(pod: Object, _: datetime) -> str:
    containers = [*_lasting(pod), *pod["spec"].get("containers", ())]
    if _brief(pod):
        return f"?/{len(containers)}"
    ready = {s["name"] for s in [*_statuses(pod), *_statuses(pod, "init")] if s.get("ready")}
    return f"{len([c for c in containers if c['name'] in ready])}/{len(containers)}"


def _brief(pod: Object) -> bool:
    """Of somebody else's pod no more is recorded than what it holds."""
    return "creationTimestamp" not in pod["metadata"]


def _statuses(pod: Object, of: str = "") -> list[Object]:
    return pod.get("status", {}).get("initContainerStatuses" if of == "init" else "containerStatuses") or []


def _lasting(pod: Object) -> list[Object]:
    """Init containers that go on beside the others."""
    return [c for c in pod["spec"].get("initContainers", ()) if c.get("restartPolicy") == "Always"]


def _ended(state: Object) -> str:
    """Why a container ended, in one word."""
    if state.get("reason"):
        return str(state["reason"])
    return f"Signal:{state['signal']}" if state.get("signal") else f"ExitCode:{state.get('exitCode', 0)}"


def _initializing(pod: Object) -> str:
    """At which init container a pod is; empty if it is past them."""
    lasting = {c["name"] for c in _lasting(pod)}
    every = pod["spec"].get("initContainers", ())
    for number, status in enumerate(_statuses(pod, "init")):
        state = status.get("state", {})
        if status["name"] in lasting and status.get("started"):
            continue
        if "terminated" in state:
            if state["terminated"].get("exitCode", 0) == 0:
                continue
            return f"Init:{_ended(state['terminated'])}"
        waits = state.get("waiting", {}).get("reason", "")
        return f"Init:{waits}" if waits not in ("", "PodInitializing") else f"Init:{number}/{len(every)}"
    return ""


def pod_status(pod: Object) -> str:
    """What `kubectl get pods` says of a pod: the phase, or what says more than that."""
    status = pod.get("status", {})
    phase = status.get("phase", "") or UNKNOWN
    if "deletionTimestamp" in pod["metadata"] and phase not in ("Failed", "Succeeded"):
        return "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    conditions = {c["type"]: c for c in status.get("conditions") or ()}
    if conditions.get("PodScheduled", {}).get("reason") == "SchedulingGated":
        return "SchedulingGated"
    if at := _initializing(pod):
        return at
    said = status.get("reason") or phase
    states = [s.get("state", {}) for s in _statuses(pod)]
    words = [
        state["waiting"]["reason"] if "waiting" in state else _ended(state["terminated"])
        for state in states
        if state.get("waiting", {}).get("reason") or "terminated" in state
    ]
    said = words[0] if words else said
    if said == "Completed" and any("running" in s for s in states):
        return "Running" if conditions.get("Ready", {}).get("status") == "True" else "NotReady"
    return str(said)


def _restarts(pod: Object, at: datetime) -> str:
    if _brief(pod):
        return "?"
    lasting = {c["name"] for c in _lasting(pod)}
    first = [s for s in _statuses(pod, "init") if _initializing(pod) or s["name"] in lasting]
    counted = first if _initializing(pod) else [*first, *_statuses(pod)]
    count = sum(s.get("restartCount", 0) for s in counted)
    ends = [m for s in counted if (m := moment(s.get("lastState", {}).get("terminated", {}).get("finishedAt")))]
    return f"{count} ({duration(at - max(ends))} ago)" if count and ends else str(count)


def _gates(pod: Object, _: datetime) -> str:
    gates = [g["conditionType"] for g in pod["spec"].get("readinessGates", ())]
    true = {c["type"] for c in pod["status"].get("conditions") or () if c["status"] == "True"}
    return f"{len(true.intersection(gates))}/{len(gates)}" if gates else NONE


# Workloads


def _of(ready: str, wanted: str) -> Cell:
    has, wants = _at(ready, 0), _at(wanted, 1)
    return lambda found, at: f"{has(found, at)}/{wants(found, at)}"


def _containers(field: str, template: str = "spec.template.spec") -> Cell:
    inside = _at(f"{template}.containers", ())
    return lambda found, at: ",".join(c.get(field, "") for c in inside(found, at))


_CONTAINERS = (Column("Containers", _containers("name"), True), Column("Images", _containers("image"), True))
_SELECTOR = Column("Selector", _selector("spec.selector.matchLabels"), True)
_NAME = Column("Name", _at("metadata.name"))
_AGE = Column("Age", lambda found, at: ago(found["metadata"].get("creationTimestamp"), at))
_CREATED = Column("Created At", _at("metadata.creationTimestamp"))
_PLAIN = (_NAME, _AGE)
_REPLICAS = (
    _NAME,
    Column("Desired", _at("spec.replicas", 1)),
    Column("Current", _at("status.replicas", 0)),
    Column("Ready", _at("status.readyReplicas", 0)),
    _AGE,
    *_CONTAINERS,
)


def _job_status(job: Object, _: datetime) -> str:
    ended = {c["type"] for c in job.get("status", {}).get("conditions") or () if c["status"] == "True"}
    words = {"Complete": "Complete", "Failed": "Failed", "Suspended": "Suspended", "FailureTarget": "FailureTarget"}
    return next((said for word, said in words.items() if word in ended), "Running")


def _job_time(job: Object, at: datetime) -> str:
    status = job.get("status", {})
    begun, ended = moment(status.get("startTime")), moment(status.get("completionTime"))
    return duration((ended or at) - begun) if begun else ""


def _targets(scaler: Object, _: datetime) -> str:
    said = []
    for metric in scaler["spec"].get("metrics", ()):
        source = metric.get("type", "")
        wanted = metric.get(source[:1].lower() + source[1:], {})
        target = wanted.get("target", {})
        name = wanted.get("name") or wanted.get("metric", {}).get("name", source)
        if "averageUtilization" in target:
            said.append(f"{name}: <unknown>/{target['averageUtilization']}%")
        else:
            said.append(f"{name}: <unknown>/{target.get('averageValue') or target.get('value')}")
    return _few(said, 2)


# Services and the network


def _external(service: Object, _: datetime) -> str:
    spec = service["spec"]
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName", NONE))
    given = service.get("status", {}).get("loadBalancer", {}).get("ingress") or ()
    found = [i.get("ip") or i.get("hostname", "") for i in given] + list(spec.get("externalIPs", ()))
    return ",".join(found) or ("<pending>" if spec.get("type") == "LoadBalancer" else NONE)


def _service_ports(service: Object, _: datetime) -> str:
    ports = [
        f"{p['port']}{':' + str(p['nodePort']) if p.get('nodePort') else ''}/{p.get('protocol', 'TCP')}"
        for p in service["spec"].get("ports", ())
    ]
    return ",".join(ports) or NONE


def _slice_ports(found: Object, _: datetime) -> str:
    return _few([str(p.get("port", "*")) for p in found.get("ports") or ()]) if found.get("ports") else "<unset>"


def _slice_addresses(found: Object, _: datetime) -> str:
    addresses = [a for e in found.get("endpoints") or () for a in e["addresses"]]
    return _few(addresses) if addresses else "<unset>"


def _hosts(ingress: Object, _: datetime) -> str:
    return (
        _few([r.get("host") or "*" for r in ingress["spec"].get("rules", ())]) if ingress["spec"].get("rules") else "*"
    )


def _addresses(ingress: Object, _: datetime) -> str:
    given = ingress.get("status", {}).get("loadBalancer", {}).get("ingress") or ()
    return ",".join(i.get("ip") or i.get("hostname", "") for i in given)


# Nodes and the rest


def _node_status(node: Object, _: datetime) -> str:
    ready = next((c["status"] for c in node["status"].get("conditions", ()) if c["type"] == "Ready"), "")
    said = {"True": "Ready", "False": "NotReady", "Unknown": "NotReady"}.get(ready, "Unknown")
    return f"{said},SchedulingDisabled" if node["spec"].get("unschedulable") else said


def _roles(node: Object, _: datetime) -> str:
    mark = "node-role.kubernetes.io/"
    return (
        ",".join(sorted(k.removeprefix(mark) for k in node["metadata"].get("labels", {}) if k.startswith(mark))) or NONE
    )


def _address(kind: str, default: str) -> Cell:
    addresses = _at("status.addresses", ())
    return lambda found, at: next((a["address"] for a in addresses(found, at) if a["type"] == kind), default)


def _modes(path: str) -> Cell:
    short = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
    field = _at(path, ())
    return lambda found, at: ",".join(short.get(m, m) for m in field(found, at))


def _quota(want: Callable[[str], bool]) -> Cell:
    def cell(found: Object, _: datetime) -> str:
        status = found.get("status", {})
        hard, used = status.get("hard") or found["spec"].get("hard", {}), status.get("used", {})
        return ", ".join(f"{k}: {used.get(k, 0)}/{v}" for k, v in sorted(hard.items()) if want(k))

    return cell


def _about(event: Object, _: datetime) -> str:
    of = event.get("involvedObject", {})
    return f"{of.get('kind', '').lower()}/{of.get('name', '')}"


def _source(event: Object, _: datetime) -> str:
    source = event.get("source") or {}
    parts = (source.get("component") or event.get("reportingComponent", ""), source.get("host", ""))
    return ", ".join(p for p in parts if p)


def _times(event: Object, _: datetime) -> Any:
    return (event.get("series") or {}).get("count") or event.get("count") or 1


_COLUMNS: dict[str, tuple[Column, ...]] = {
    "Pod": (
        _NAME,
        Column("Ready", _pod_ready),
        Column("Status", lambda found, _: pod_status(found)),
        Column("Restarts", _restarts),
        _AGE,
        Column("IP", _at("status.podIP", NONE), True),
        Column("Node", _at("spec.nodeName", NONE), True),
        Column("Nominated Node", _at("status.nominatedNodeName", NONE), True),
        Column("Readiness Gates", _gates, True),
    ),
    "Deployment": (
        _NAME,
        Column("Ready", _of("status.readyReplicas", "spec.replicas")),
        Column("Up-to-date", _at("status.updatedReplicas", 0)),
        Column("Available", _at("status.availableReplicas", 0)),
        _AGE,
        *_CONTAINERS,
        _SELECTOR,
    ),
    "ReplicaSet": (
        *_REPLICAS,
        _SELECTOR,
    ),
    "ReplicationController": (
        *_REPLICAS,
        Column("Selector", _selector("spec.selector"), True),
    ),
    "StatefulSet": (_NAME, Column("Ready", _of("status.readyReplicas", "spec.replicas")), _AGE, *_CONTAINERS),
    "DaemonSet": (
        _NAME,
        Column("Desired", _at("status.desiredNumberScheduled", 0)),
        Column("Current", _at("status.currentNumberScheduled", 0)),
        Column("Ready", _at("status.numberReady", 0)),
        Column("Up-to-date", _at("status.updatedNumberScheduled", 0)),
        Column("Available", _at("status.numberAvailable", 0)),
        Column("Node Selector", _selector("spec.template.spec.nodeSelector")),
        _AGE,
        *_CONTAINERS,
        _SELECTOR,
    ),
    "Job": (
        _NAME,
        Column("Status", _job_status),
        Column("Completions", _of("status.succeeded", "spec.completions")),
        Column("Duration", _job_time),
        _AGE,
        *_CONTAINERS,
        _SELECTOR,
    ),
    "CronJob": (
        _NAME,
        Column("Schedule", _at("spec.schedule")),
        Column("Timezone", _at("spec.timeZone", NONE)),
        Column("Suspend", lambda found, _: str(found["spec"].get("suspend", False))),
        Column("Active", _count("status.active")),
        Column(
            "Last Schedule",
            lambda o, at: (
                ago(o["status"]["lastScheduleTime"], at) if o.get("status", {}).get("lastScheduleTime") else NONE
            ),
        ),
        _AGE,
        Column("Containers", _containers("name", "spec.jobTemplate.spec.template.spec"), True),
        Column("Images", _containers("image", "spec.jobTemplate.spec.template.spec"), True),
    ),
    "HorizontalPodAutoscaler": (
        _NAME,
        Column("Reference", lambda o, _: "{kind}/{name}".format(**o["spec"]["scaleTargetRef"])),
        Column("Targets", _targets),
        Column("MinPods", _at("spec.minReplicas", 1)),
        Column("MaxPods", _at("spec.maxReplicas")),
        Column("Replicas", _at("status.currentReplicas", 0)),
        _AGE,
    ),
    "Service": (
        _NAME,
        Column("Type", _at("spec.type", "ClusterIP")),
        Column("Cluster-IP", _at("spec.clusterIP", NONE)),
        Column("External-IP", _external),
        Column("Port(s)", _service_ports),
        _AGE,
        Column("Selector", _selector("spec.selector"), True),
    ),
    "EndpointSlice": (
        _NAME,
        Column("AddressType", _at("addressType")),
        Column("Ports", _slice_ports),
        Column("Endpoints", _slice_addresses),
        _AGE,
    ),
    "Ingress": (
        _NAME,
        Column("Class", _at("spec.ingressClassName", NONE)),
        Column("Hosts", _hosts),
        Column("Address", _addresses),
        Column("Ports", lambda o, _: "80, 443" if o["spec"].get("tls") else "80"),
        _AGE,
    ),
    "NetworkPolicy": (_NAME, Column("Pod-Selector", _selector("spec.podSelector.matchLabels")), _AGE),
    "PodDisruptionBudget": (
        _NAME,
        Column("Min Available", _at("spec.minAvailable", "N/A")),
        Column("Max Unavailable", _at("spec.maxUnavailable", "N/A")),
        Column("Allowed Disruptions", _at("status.disruptionsAllowed", 0)),
        _AGE,
    ),
    "Node": (
        _NAME,
        Column("Status", _node_status),
        Column("Roles", _roles),
        _AGE,
        Column("Version", _at("status.nodeInfo.kubeletVersion", UNKNOWN)),
        Column("Internal-IP", _address("InternalIP", NONE), True),
        Column("External-IP", _address("ExternalIP", NONE), True),
        Column("OS-Image", _at("status.nodeInfo.osImage", UNKNOWN), True),
        Column("Kernel-Version", _at("status.nodeInfo.kernelVersion", UNKNOWN), True),
        Column("Container-Runtime", _at("status.nodeInfo.containerRuntimeVersion", UNKNOWN), True),
    ),
    "Namespace": (_NAME, Column("Status", _at("status.phase")), _AGE),
    "PersistentVolumeClaim": (
        _NAME,
        Column("Status", lambda o, _: "Terminating" if "deletionTimestamp" in o["metadata"] else o["status"]["phase"]),
        Column("Volume", _at("spec.volumeName")),
        Column("Capacity", _at("status.capacity.storage")),
        Column("Access Modes", _modes("status.accessModes")),
        Column("StorageClass", _at("spec.storageClassName")),
        Column("VolumeAttributesClass", _at("spec.volumeAttributesClassName", "<unset>")),
        _AGE,
        Column("VolumeMode", _at("spec.volumeMode"), True),
    ),
    "ConfigMap": (_NAME, Column("Data", lambda o, _: len(o.get("data") or ()) + len(o.get("binaryData") or ())), _AGE),
    "Secret": (_NAME, Column("Type", _at("type")), Column("Data", _count("data")), _AGE),
    "ServiceAccount": (_NAME, Column("Secrets", _count("secrets")), _AGE),
    "ResourceQuota": (
        _NAME,
        Column("Request", _quota(lambda name: not name.startswith("limits."))),
        Column("Limit", _quota(lambda name: name.startswith("limits."))),
        _AGE,
    ),
    "LimitRange": (_NAME, _CREATED),
    "Role": (_NAME, _CREATED),
    "RoleBinding": (_NAME, Column("Role", lambda o, _: "{kind}/{name}".format(**o["roleRef"])), _AGE),
    "PriorityClass": (
        _NAME,
        Column("Value", _at("value")),
        Column("Global-Default", lambda o, _: str(o.get("globalDefault", False)).lower()),
        _AGE,
        Column("PreemptionPolicy", _at("preemptionPolicy")),
    ),
    "MutatingWebhookConfiguration": (_NAME, Column("Webhooks", _count("webhooks")), _AGE),
    "ValidatingWebhookConfiguration": (_NAME, Column("Webhooks", _count("webhooks")), _AGE),
    "Event": (
        Column("Last Seen", lambda o, at: ago(last_seen(o), at)),
        Column("Type", _at("type")),
        Column("Reason", _at("reason")),
        Column("Object", _about),
        Column("Subobject", _at("involvedObject.fieldPath"), True),
        Column("Source", _source, True),
        Column("Message", lambda o, _: str(o.get("message", "")).strip()),
        Column("First Seen", lambda o, at: ago(first_seen(o), at), True),
        Column("Count", _times, True),
        Column("Name", _at("metadata.name"), True),
    ),
}
