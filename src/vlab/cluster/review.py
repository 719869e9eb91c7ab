"""What an existing cluster has of what the lab needs, as rows of `vlab doctor --context`."""

from collections.abc import Callable
from http import HTTPStatus

from vlab.cluster.gpus import offered
from vlab.cluster.kube import Kube, Object
from vlab.cluster.network import enforces_policies
from vlab.cluster.refusals import ApiError
from vlab.cluster.rights import missing
from vlab.doctor import Row, Status
from vlab.serving import is_ready

_PATIENCE_S = 20.0
_DEFAULT = "storageclass.kubernetes.io/is-default-class"


def review(cluster: Kube) -> list[Row]:
    """A row for each; what one may not look at is not known, and said so.

    Raises:
        LabError: the kubeconfig has no such context.
    """
    cluster.client  # noqa: B018 - where there is no such context, that is said and not that nobody answers
    if not cluster.answers(_PATIENCE_S):
        cure = "start it, or see with `kubectl --context NAME get --raw /readyz` what stands in the way"
        return [Row("API server", "bad", "does not answer", "one that says that it is ready", cure)]
    version = str(cluster.read("/version")["gitVersion"])
    first = Row("API server", "ok", f"Kubernetes {version}", "one that says that it is ready")
    return [first, *(_row(cluster, *each) for each in _LOOKS)]


Found = tuple[Status, str, str]
"""Status, what was found, and the cure."""


def _row(cluster: Kube, name: str, need: str, look: Callable[[Kube], Found]) -> Row:
    try:
        status, found, cure = look(cluster)
    except ApiError as e:
        if e.status != HTTPStatus.FORBIDDEN:
            raise
        status, found, cure = "info", "you may not look", ""
    return Row(name, status, found, need, cure)


def _rights(cluster: Kube) -> Found:
    if lacking := missing(cluster):
        cure = "ask whoever runs the cluster for these rights, or take a cluster of your own: `vlab up`"
        return "bad", f"you may not: {', '.join(lacking)}", cure
    return "ok", "all that are needed", ""


def _takers(cluster: Kube) -> list[Object]:
    """Nodes that are ready and take pods."""
    return [n for n in cluster.items("nodes") if is_ready(n) and not _is_kept(n["spec"])]


def _is_kept(spec: Object) -> bool:
    """Whether a node takes no pod, or only those that tolerate its taint."""
    return bool(spec.get("unschedulable")) or any(t["effect"] == "NoSchedule" for t in spec.get("taints") or ())


def _nodes(cluster: Kube) -> Found:
    found = len(_takers(cluster))
    return ("ok", f"{found} ready", "") if found else ("bad", "none is ready", "`kubectl get nodes` says why")


def _gpus(cluster: Kube) -> Found:
    if counts := [count for node in _takers(cluster) if (count := offered(node))]:
        return "ok", f"{sum(counts)} on {len(counts)} nodes", ""
    cure = "`vlab up --context NAME --profile cpu --simulate-gpus` offers some that are none"
    return "warn", "none is offered", cure


def _storage(cluster: Kube) -> Found:
    classes = [c["metadata"] for c in cluster.items("storageclasses")]
    if named := [c["name"] for c in classes if c.get("annotations", {}).get(_DEFAULT) == "true"]:
        return "ok", named[0], ""
    return "warn", "no default storage class", "mark one: `kubectl get storageclass` lists them"


def _network(cluster: Kube) -> Found:
    enforced = enforces_policies(cluster)
    if enforced is None:
        return "info", "not one that is known to hold pods to NetworkPolicies", ""
    cure = "a learner who finds the address of another's pod can ask it; Calico, Cilium and kindnet would not let them"
    return ("ok", "holds pods to NetworkPolicies", "") if enforced else ("warn", "no NetworkPolicies", cure)


_LOOKS: tuple[tuple[str, str, Callable[[Kube], Found]], ...] = (
    ("rights", "what `vlab up` asks for, in all namespaces", _rights),
    ("nodes", "one that is ready and takes pods; several for exercises of scheduling", _nodes),
    ("GPUs", "nvidia.com/gpu on the nodes, for profile gpu", _gpus),
    ("storage", "a default class, for exercises with a volume and for `vlab class grade --jobs`", _storage),
    ("network", "one that holds pods to NetworkPolicies, for a class whose learners are kept apart", _network),
)
"""What is looked at: its name, what is needed, and the look."""
