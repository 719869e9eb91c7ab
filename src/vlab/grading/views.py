"""What a check may ask for by the name of its parameter: small pure functions of the evidence, in one table."""

from collections.abc import Callable, Mapping
from typing import Any

from vlab.evidence import Evidence

Object = dict[str, Any]

SERVICE = "vllm-server"
"""The address that the module's clients use."""


def kind(objects: list[Object], name: str) -> list[Object]:
    """The objects of one kind."""
    return [o for o in objects if o["kind"] == name]


def _labels_match(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return bool(selector) and all(labels.get(k) == v for k, v in selector.items())


def services(evidence: Evidence) -> list[Object]:
    """The namespace's Services, the module's own first."""
    return sorted(kind(evidence.objects, "Service"), key=lambda s: s["metadata"]["name"] != SERVICE)


def deployments(evidence: Evidence) -> list[Object]:
    """The namespace's Deployments."""
    return kind(evidence.objects, "Deployment")


def deployment(evidence: Evidence) -> Object | None:
    """The Deployment behind the first Service that has one, whatever its name; None if there is none."""
    for service in services(evidence):
        for found in deployments(evidence):
            labels = found["spec"]["template"]["metadata"].get("labels", {})
            if _labels_match(service["spec"].get("selector") or {}, labels):
                return found
    return None


def pods(evidence: Evidence) -> list[Object]:
    """The pods of `deployment` that are not on their way out."""
    found = deployment(evidence)
    if found is None:
        return []
    selector = found["spec"]["selector"].get("matchLabels", {})
    return [
        pod
        for pod in kind(evidence.objects, "Pod")
        if _labels_match(selector, pod["metadata"].get("labels", {})) and "deletionTimestamp" not in pod["metadata"]
    ]


VIEWS: dict[str, Callable[[Evidence], Any]] = {
    "evidence": lambda e: e,
    "objects": lambda e: e.objects,
    "baseline": lambda e: e.baseline,
    "nodes": lambda e: kind(e.objects, "Node"),
    "services": services,
    "deployments": deployments,
    "deployment": deployment,
    "pods": pods,
    "events": lambda e: e.events,
    "logs": lambda e: e.logs,
    "probes": lambda e: e.probes,
    "api": lambda e: e.api,
    "parameters": lambda e: e.header.parameters,
}
"""Every name that a check's parameter may have."""


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
