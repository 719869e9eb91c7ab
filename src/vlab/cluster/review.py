"""What an existing cluster has of what the lab needs, as rows of `vlab doctor --context`."""

from collections.abc import Callable

from vlab.cluster.gpus import offered
from vlab.cluster.kube import Kube, Object
from vlab.cluster.network import enforces_policies
from vlab.cluster.rights import missing
from vlab.doctor import Row
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
    looks: tuple[Callable[[Kube], Row], ...] = (_rights, _nodes, _gpus, _storage, _network)
    return [
        Row("API server", "ok", f"Kubernetes {version}", "one that says that it is ready"),
        *(look(cluster) for look in looks),
    ]


def _rights(cluster: Kube) -> Row:
    need = "what `vlab up` asks for, in all namespaces"
    if lacking := missing(cluster):
        cure = "ask whoever runs the cluster for these rights, or take a cluster of your own: `vlab up`"
        return Row("rights", "bad", f"you may not: {', '.join(lacking)}", need, cure)
    return Row("rights", "ok", "all that are needed", need)


def _takers(cluster: Kube) -> list[Object]:
    """Nodes that are ready and take pods."""
    return [n for n in cluster.items("nodes") if is_ready(n) and not _is_kept(n["spec"])]


def _is_kept(spec: Object) -> bool:
    """Whether a node takes no pod, or only those that tolerate its taint."""
    return bool(spec.get("unschedulable")) or any(t["effect"] == "NoSchedule" for t in spec.get("taints") or ())


def _nodes(cluster: Kube) -> Row:
    found = len(_takers(cluster))
    need = "one that is ready and takes pods; several for exercises of scheduling"
    cure = "" if found else "`kubectl get nodes` says why none is ready"
    return Row("nodes", "ok" if found else "bad", f"{found} ready", need, cure)


def _gpus(cluster: Kube) -> Row:
    counts = [count for node in _takers(cluster) if (count := offered(node))]
    need = "nvidia.com/gpu on the nodes, for profile gpu"
    if counts:
        return Row("GPUs", "ok", f"{sum(counts)} on {len(counts)} nodes", need)
    cure = "`vlab up --context NAME --profile cpu --simulate-gpus` offers some that are none"
    return Row("GPUs", "warn", "none is offered", need, cure)


def _storage(cluster: Kube) -> Row:
    need = "a default storage class, for exercises with a volume and for `vlab class grade --jobs`"
    classes = cluster.items("storageclasses")
    named = [c["metadata"]["name"] for c in classes if c["metadata"].get("annotations", {}).get(_DEFAULT) == "true"]
    if named:
        return Row("storage", "ok", named[0], need)
    return Row("storage", "warn", "no default storage class", need, "mark one: `kubectl get storageclass` lists them")


def _network(cluster: Kube) -> Row:
    need = "a network that holds pods to NetworkPolicies, for a class whose learners are to be kept apart"
    enforced = enforces_policies(cluster)
    if enforced:
        return Row("network", "ok", "holds pods to NetworkPolicies", need)
    found = "not one that is known to hold pods to NetworkPolicies" if enforced is None else "no NetworkPolicies"
    cure = "a learner who finds the address of another's pod can ask it; Calico, Cilium and kindnet would not let them"
    return Row("network", "info" if enforced is None else "warn", found, need, "" if enforced is None else cure)
