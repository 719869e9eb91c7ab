"""Offers GPUs that are none, by a device plugin as real ones have: the kubelet and the scheduler see no difference."""

import time
from collections.abc import Callable

from vlab import render
from vlab.cluster.kube import Kube, Object
from vlab.cluster.lab import GPU, Lab
from vlab.cluster.witness import namespace_of
from vlab.errors import Exit, LabError
from vlab.pins import pins
from vlab.values import values_of

_OFFERED_S = 90.0


def offer(cluster: Kube, lab: Lab, image: str, node_selector: dict[str, str]) -> None:
    """Put the device plugin on the nodes that a selector names."""
    made = render.manifest(
        "gpu-device-plugin", system=namespace_of(lab), image=image, node_selector=node_selector
    )  # fmt: skip
    for each in render.labelled(made, lab.labels):
        cluster.put(each)


def simulate(cluster: Kube, lab: Lab, note: Callable[[str], None]) -> None:
    """Offer a GPU on each node of a cluster that has none; `vlab down` takes them away.

    Raises:
        LabError: it has real ones, or the plugin does not start.
    """
    if any(map(offered, cluster.items("nodes"))):
        raise LabError(f"this cluster offers {GPU} already", "leave --simulate-gpus away")
    values = values_of(lab.values)
    image = str(values.get("gpu_plugin_image", pins().tools.image))
    offer(cluster, lab, image, {"kubernetes.io/os": "linux"})
    end = time.monotonic() + _OFFERED_S
    while not any(map(offered, cluster.items("nodes"))):
        note("waiting for the first GPU")
        if time.monotonic() > end:
            raise LabError(
                f"the device plugin offers nothing: its image {image} may not be on the nodes",
                "push it where they can pull it, and name it as gpu_plugin_image with --values",
                Exit.NO_LAB,
            )
        time.sleep(0.5)


def offered(node: Object) -> int:
    """The GPUs that a node gives to pods."""
    return int(node["status"].get("allocatable", {}).get(GPU, 0))
