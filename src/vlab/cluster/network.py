"""Whether a cluster's network holds pods to NetworkPolicies, as far as its parts tell."""

from vlab.cluster.kube import Kube

_ENFORCING = (
    "antrea-agent",
    "azure-npm",
    "calico-node",
    "canal",
    "cilium",
    "kindnet",
    "kube-router",
    "ovnkube-node",
    "weave-net",
)
"""DaemonSets of networks that do, by how their names begin."""
_NOT_ENFORCING = ("flannel", "kube-flannel", "pod-network")
"""Of those that do not; the last is that of the clusters whose images vlab builds."""


def enforces_policies(cluster: Kube) -> bool | None:
    """Whether it does; None where its parts are not known."""
    return judged({found["metadata"]["name"] for found in cluster.items("daemonsets")})


def judged(daemonsets: set[str]) -> bool | None:
    """The same by the names of a cluster's DaemonSets."""
    if any(name.startswith(_ENFORCING) for name in daemonsets):
        return True
    return False if any(name.startswith(_NOT_ENFORCING) for name in daemonsets) else None
