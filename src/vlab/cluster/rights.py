"""What one must be allowed on a cluster to run exercises there, asked of the cluster before anything is made."""

import json

from vlab.cluster.kube import Kube
from vlab.errors import Exit, LabError

NEEDED = (
    *(("", "namespaces", verb) for verb in ("create", "delete", "get", "list")),
    ("", "nodes", "list"),
    *(("", "pods", verb) for verb in ("create", "delete", "list")),
    ("", "pods/exec", "create"),
    *(("", plural, "create") for plural in ("configmaps", "persistentvolumeclaims", "services")),
    ("apps", "deployments", "create"),
    ("discovery.k8s.io", "endpointslices", "list"),
)
"""API group, resource (with its part), verb."""


def missing(cluster: Kube) -> list[str]:
    """The rights that one lacks, as `create deployments`."""
    return [f"{verb} {resource}" for group, resource, verb in NEEDED if not _may(cluster, group, resource, verb)]


def _may(cluster: Kube, group: str, resource: str, verb: str) -> bool:
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
