"""What a check may ask for by the name of its parameter: small pure functions of the evidence, in one table."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from vlab.evidence import Evidence, Object
from vlab.evidence.metrics import Metrics

SERVICE = "vllm-server"
"""The address that the module's clients use."""


def kind(objects: Iterable[Object], name: str) -> list[Object]:
    """The objects of one kind."""
    return [o for o in objects if o["kind"] == name]


def _labels_match(selector: Mapping[str, str] | None, labels: Mapping[str, str] | None) -> bool:
    return bool(selector) and all((labels or {}).get(k) == v for k, v in (selector or {}).items())


def own(evidence: Evidence) -> list[Object]:
    """The objects of the exercise's own namespace, and the nodes; other namespaces may belong to it too."""
    here = evidence.header.namespace
    return [o for o in evidence.objects if o["metadata"].get("namespace", here) == here]


def services(evidence: Evidence) -> list[Object]:
    """The namespace's Services, the module's own first."""
    return sorted(kind(own(evidence), "Service"), key=lambda s: s["metadata"]["name"] != SERVICE)


def deployments(evidence: Evidence) -> list[Object]:
    """The namespace's Deployments."""
    return kind(own(evidence), "Deployment")


def deployment(evidence: Evidence) -> Object | None:
    """The Deployment that serves: behind the first Service that has one, else the one that is called so.

    Of several behind one Service it is the one with the most ready pods. None if there is none.
    """
    found = deployments(evidence)
    for service in services(evidence):
        behind = [d for d in found if _labels_match(service["spec"].get("selector"), _template_labels(d))]
        if behind:
            return max(behind, key=lambda d: (ready_replicas(d), _is_named(d)))
    return next((d for d in found if _is_named(d)), None)


def _template_labels(found: Object) -> Mapping[str, str]:
    labels: Mapping[str, str] = found["spec"]["template"].get("metadata", {}).get("labels") or {}
    return labels


def _is_named(found: Object) -> bool:
    """By its name or a label, if no Service leads to it."""
    return SERVICE in (found["metadata"]["name"], *(found["metadata"].get("labels") or {}).values())


def pods(evidence: Evidence) -> list[Object]:
    """The pods of `deployment` that are not on their way out."""
    found = deployment(evidence)
    return [] if found is None else pods_of(found, evidence.objects)


def pods_of(found: Object, objects: Iterable[Object]) -> list[Object]:
    """A Deployment's pods that are not on their way out: those of its ReplicaSets."""
    every = list(objects)
    sets = {r["metadata"].get("uid") for r in kind(every, "ReplicaSet") if _owned_by(r, {found["metadata"].get("uid")})}
    return [p for p in kind(every, "Pod") if _owned_by(p, sets) and "deletionTimestamp" not in p["metadata"]]


def _owned_by(each: Object, owners: set[str | None]) -> bool:
    return any(o.get("uid") is not None and o["uid"] in owners for o in each["metadata"].get("ownerReferences", ()))


VIEWS: dict[str, Callable[[Evidence], Any]] = {
    "evidence": lambda e: e,
    "objects": lambda e: e.objects,
    "start": lambda e: e.start,
    "nodes": lambda e: kind(e.objects, "Node"),
    "services": services,
    "deployments": deployments,
    "deployment": deployment,
    "pods": pods,
    "events": lambda e: e.events,
    "logs": lambda e: e.logs,
    "metrics": lambda e: Metrics(e.metrics),
    "requests": lambda e: e.requests,
    "stream": lambda e: e.stream,
    "api": lambda e: e.api,
    "probes": lambda e: e.probes,
    "answers": lambda e: e.answers,
    "parameters": lambda e: e.header.parameters,
}
"""Every name that a check's parameter may have."""


class Views:
    """The views of one evidence, each made once and when it is first asked for."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = VIEWS[name](self._evidence)
        return self._made[name]


def ready_replicas(found: Object) -> int:
    """How many pods of a Deployment are ready, as Kubernetes counts."""
    return int(found.get("status", {}).get("readyReplicas", 0))


def is_ready(pod: Object) -> bool:
    """Whether a pod's Ready condition is true."""
    conditions = pod.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def requested(template: Object, resource: str) -> int:
    """How much of an extended resource a pod template asks for in all its containers."""
    total = 0
    for container in template["spec"]["containers"]:
        resources = container.get("resources", {})
        total += int({**resources.get("limits", {}), **resources.get("requests", {})}.get(resource, 0))
    return total


def why_not_ready(pods: list[Object]) -> str:
    """What the cluster says about the first pod that is not ready."""
    for pod in (p for p in pods if not is_ready(p)):
        status = pod["status"]
        for condition in status.get("conditions", ()):
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                return str(condition["message"])
        for container in status.get("containerStatuses", ()):
            ended = container.get("lastState", {}).get("terminated", {})
            state = container["state"].get("waiting") or container["state"].get("terminated") or ended
            if state:
                code = f", exit code {ended['exitCode']}" if ended else ""
                return f"{state.get('reason', '')}{code} {state.get('message', '')}".strip()
        if status.get("reason"):
            return f"{status['reason']}: {status.get('message', '')}"
        return "starting"
    return "no pod"
