"""What one must be allowed on a cluster to run exercises there, asked of the cluster before anything is made."""

import json
from concurrent.futures import ThreadPoolExecutor

from vlab.cluster.kube import Kube
from vlab.errors import Exit, LabError

NEEDED = {
    ("", "namespaces"): ("create", "delete", "get", "list", "update"),
    ("", "nodes"): ("get", "list"),
    ("", "pods"): ("create", "delete", "get", "list"),
    ("", "pods/exec"): ("create", "get"),
    ("", "pods/log"): ("get",),
    ("", "configmaps"): ("create", "delete", "get", "list", "update"),
    ("", "services"): ("create", "delete", "get", "list", "update"),
    ("", "persistentvolumeclaims"): ("create", "delete", "get", "update"),
    ("", "events"): ("list",),
    ("apps", "deployments"): ("create", "delete", "get", "list", "patch", "update"),
    ("apps", "replicasets"): ("list",),
    ("apps", "statefulsets"): ("list",),
    ("apps", "daemonsets"): ("list",),
    ("discovery.k8s.io", "endpointslices"): ("list",),
}
"""Verbs by API group and resource (with its part). What a learner makes besides must be the learner's to delete."""


def missing(cluster: Kube) -> list[str]:
    """The rights that one lacks, as `create deployments`."""
    wishes = [(group, resource, verb) for (group, resource), verbs in NEEDED.items() for verb in verbs]
    with ThreadPoolExecutor(8) as pool:
        allowed = list(pool.map(lambda wish: _may(cluster, wish), wishes))
    return [f"{verb} {resource}" for (_, resource, verb), may in zip(wishes, allowed, strict=True) if not may]


def _may(cluster: Kube, asked: tuple[str, str, str]) -> bool:
    group, resource, verb = asked
    plural, _, part = resource.partition("/")
    wish = {"group": group, "resource": plural, "subresource": part, "verb": verb}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": wish},
    }
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    return bool(json.loads(cluster.request("POST", path, body=review))["status"]["allowed"])


def refuse_missing(cluster: Kube) -> None:
    """Raises: LabError that names every right which one lacks."""
    if lacking := missing(cluster):
        raise LabError(
            f"on this cluster you may not: {', '.join(lacking)}",
            "ask whoever runs it for these rights in all namespaces, or take a cluster of your own: `vlab up`",
            Exit.NO_LAB,
        )
