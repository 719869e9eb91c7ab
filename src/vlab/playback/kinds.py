"""The kinds that a recording answers for, as a cluster's discovery tells them, and whether runs record them."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from vlab.evidence import Object


class Kind(NamedTuple):
    """One kind of object."""

    version: str
    """apps/v1, or v1 of the core group."""
    name: str
    """Deployment."""
    plural: str
    short: tuple[str, ...] = ()
    namespaced: bool = True
    recorded: bool = True
    """Of a kind without a namespace: all there were. Of one with: all that were in the exercise's namespaces."""
    everywhere: bool = False
    """Whether `kubectl get all` shows it."""

    @property
    def group(self) -> str:
        """Empty for the core group."""
        return self.version.rpartition("/")[0]

    @property
    def root(self) -> str:
        """Where its API begins: api/v1, apis/apps/v1."""
        return f"apis/{self.version}" if self.group else f"api/{self.version}"


def _wide(version: str, name: str, plural: str, *short: str, recorded: bool = True) -> Kind:
    return Kind(version, name, plural, short, namespaced=False, recorded=recorded)


_USUAL = (
    Kind("v1", "ConfigMap", "configmaps", ("cm",)),
    Kind("v1", "Endpoints", "endpoints", ("ep",), recorded=False),
    Kind("v1", "Event", "events", ("ev",)),
    Kind("v1", "LimitRange", "limitranges", ("limits",)),
    _wide("v1", "Namespace", "namespaces", "ns"),
    _wide("v1", "Node", "nodes", "no"),
    Kind("v1", "PersistentVolumeClaim", "persistentvolumeclaims", ("pvc",)),
    _wide("v1", "PersistentVolume", "persistentvolumes", "pv", recorded=False),
    Kind("v1", "Pod", "pods", ("po",), everywhere=True),
    Kind("v1", "ReplicationController", "replicationcontrollers", ("rc",), everywhere=True),
    Kind("v1", "ResourceQuota", "resourcequotas", ("quota",)),
    Kind("v1", "Secret", "secrets"),
    Kind("v1", "ServiceAccount", "serviceaccounts", ("sa",)),
    Kind("v1", "Service", "services", ("svc",), everywhere=True),
    Kind("apps/v1", "ControllerRevision", "controllerrevisions", recorded=False),
    Kind("apps/v1", "DaemonSet", "daemonsets", ("ds",), everywhere=True),
    Kind("apps/v1", "Deployment", "deployments", ("deploy",), everywhere=True),
    Kind("apps/v1", "ReplicaSet", "replicasets", ("rs",), everywhere=True),
    Kind("apps/v1", "StatefulSet", "statefulsets", ("sts",), everywhere=True),
    Kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", ("hpa",), everywhere=True),
    Kind("batch/v1", "CronJob", "cronjobs", ("cj",), everywhere=True),
    Kind("batch/v1", "Job", "jobs", everywhere=True),
    Kind("coordination.k8s.io/v1", "Lease", "leases", recorded=False),
    Kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices"),
    Kind("networking.k8s.io/v1", "Ingress", "ingresses", ("ing",)),
    Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", ("netpol",)),
    _wide("networking.k8s.io/v1", "IngressClass", "ingressclasses", recorded=False),
    Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", ("pdb",)),
    Kind("rbac.authorization.k8s.io/v1", "Role", "roles"),
    Kind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
    _wide("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", recorded=False),
    _wide("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", recorded=False),
    _wide("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", "pc"),
    _wide("storage.k8s.io/v1", "StorageClass", "storageclasses", "sc", recorded=False),
    _wide("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations"),
    _wide("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations"),
)


def kinds(objects: Iterable[Object]) -> tuple[Kind, ...]:
    """The usual kinds, and those that are in a recording besides."""
    found = {(k.version, k.name): k for k in _USUAL}
    for each in objects:
        key = each["apiVersion"], each["kind"]
        if key not in found:
            found[key] = Kind(*key, each["kind"].lower() + "s", namespaced="namespace" in each["metadata"])
    return tuple(found.values())


def discovery(known: Iterable[Kind], *, core: bool) -> dict[str, Any]:
    """What a cluster says at /api (the core group) or at /apis (all others) of its kinds."""
    groups: dict[str, dict[str, list[Kind]]] = {}
    for kind in known:
        if bool(kind.group) != core:
            groups.setdefault(kind.group, {}).setdefault(kind.version.rpartition("/")[2], []).append(kind)
    items = [
        {
            "metadata": {"name": group} if group else {},
            "versions": [
                {"version": version, "freshness": "Current", "resources": [_resource(k, version) for k in inside]}
                for version, inside in versions.items()
            ],
        }
        for group, versions in groups.items()
    ]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _resource(kind: Kind, version: str) -> dict[str, Any]:
    of = {"group": kind.group, "version": version, "kind": kind.name}
    logs = {"subresource": "log", "responseKind": of, "verbs": ["get"]}
    return {
        "resource": kind.plural,
        "singularResource": kind.name.lower(),
        "responseKind": of,
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "shortNames": list(kind.short),
        "categories": ["all"] if kind.everywhere else [],
        # Those that change something too: kubectl then asks, and is told that this is a recording.
        "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        "subresources": [logs] if kind.name == "Pod" else [],
    }


def openapi(known: Iterable[Kind], root: str) -> dict[str, Any]:
    """As much of OpenAPI as `kubectl apply` reads before it asks: that the server itself looks at fields."""
    paths = {
        f"/{kind.root}/{kind.plural}/{{name}}": {
            "patch": {
                "parameters": [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}],
                "responses": {},
                "x-kubernetes-group-version-kind": {
                    "group": kind.group,
                    "version": kind.version.rpartition("/")[2],
                    "kind": kind.name,
                },
            }
        }
        for kind in known
        if kind.root == root
    }
    return {"openapi": "3.0.0", "info": {"title": "recording", "version": "1"}, "paths": paths}
