"""Makes the volumes of a kind cluster ones that every node can mount: a folder of the host that all nodes share.

Kind's own volumes are a folder of one node, which ties whatever mounts them to that node: two replicas of a server on
two nodes could not share a model cache, as they do on a cluster with network storage.
"""

import json

from vlab.cluster.kube import Kube

PATH = "/var/lib/vlab-volumes"
"""In every node; see cluster/kind.py."""
_NAMESPACE = "local-path-storage"
_CONFIG = "local-path-config"


def share(cluster: Kube) -> None:
    """Tell the cluster's provisioner to make its volumes in the shared folder."""
    config = json.dumps({"nodePathMap": [], "sharedFileSystemPath": PATH})
    cluster.patch("configmaps", _CONFIG, {"data": {"config.json": config}}, _NAMESPACE)
    # It reads its configuration when it starts; no claim has been made yet.
    for pod in cluster.items("pods", _NAMESPACE):
        cluster.delete("pods", pod["metadata"]["name"], _NAMESPACE, grace=1)
