"""Gives the nodes of a cluster that vlab made back what they had: labels, taints, readiness for pods, capacity."""

import json
from typing import Any

from vlab.cluster.gpus import offer
from vlab.cluster.kube import Kube
from vlab.cluster.lab import GPU, Lab
from vlab.essence import capacity, taints
from vlab.pins import pins

Object = dict[str, Any]


def record(lab: Lab, nodes: list[Object]) -> None:
    """Remember the nodes as they are now."""
    for node in nodes:
        node["status"].pop("images", None)
    lab.nodes.write_text(json.dumps(nodes))


def restore(cluster: Kube, lab: Lab) -> None:
    """Undo what was done to the nodes; of a cluster that vlab was given nothing is known and nothing changed."""
    if not lab.nodes.exists():
        return
    offer(cluster, lab, pins().tools.image, {f"{GPU}.present": "true"})
    before = {node["metadata"]["name"]: node for node in json.loads(lab.nodes.read_text())}
    for node in cluster.items("nodes"):
        name = node["metadata"]["name"]
        if name not in before:
            continue
        if patch := node_patch(node, before[name]):
            cluster.patch("nodes", name, patch)
        if made_up := capacity(node).keys() - capacity(before[name]).keys():
            gone = {"status": {part: dict.fromkeys(made_up) for part in ("capacity", "allocatable")}}
            cluster.patch("nodes", name, gone, part="status")


def node_patch(now: Object, before: Object) -> Object:
    """The merge patch that gives a node its former labels, taints and readiness for pods; empty if it has them.

    Taints that say how a node is (node.kubernetes.io/...) are its own affair.
    """
    labels, had = now["metadata"].get("labels", {}), before["metadata"].get("labels", {})
    patch: Object = {}
    if labels != had:
        patch["metadata"] = {"labels": {**dict.fromkeys(labels.keys() - had.keys()), **had}}
    cordoned, was = (bool(node["spec"].get("unschedulable")) for node in (now, before))
    if taints(now) != taints(before) or cordoned != was:
        own = [t for t in now["spec"].get("taints") or () if t["key"].startswith("node.kubernetes.io/")]
        kept = [t for t in own if t["key"] != "node.kubernetes.io/unschedulable" or was]
        patch["spec"] = {"taints": [*taints(before), *kept] or None, "unschedulable": was or None}
    return patch
