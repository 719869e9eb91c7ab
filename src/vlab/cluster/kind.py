"""Makes and removes the kind cluster of a lab."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from vlab import paths, proc
from vlab.build import store
from vlab.cluster import storage
from vlab.cluster.containers import Container
from vlab.cluster.lab import GPU, INSTANCE, Lab
from vlab.errors import Exit, LabError

MARKER = "/etc/vlab/instance"
GPU_LABELS = {
    f"{GPU}.present": "true",
    f"{GPU}.count": "1",
    f"{GPU}.product": "Simulated-GPU",
    f"{GPU}.memory": "24576",
}
"""As NVIDIA's GPU Feature Discovery writes them."""


def nodes_folder(lab: Lab) -> Path:
    """The containerd folders of the lab's nodes; in the cache, since hard links and the golden store are there."""
    return paths.cache() / "nodes" / lab.name


def volumes_folder(lab: Lab) -> Path:
    """The volumes of the lab's cluster, which all its nodes share."""
    return nodes_folder(lab) / "volumes"


def config(lab: Lab, golden: Path | None) -> dict[str, Any]:
    """kind's configuration: a control plane and the workers, on the golden store where there is one."""
    labels = {INSTANCE: lab.instance}  # the kubelet refuses most labels of kubernetes.io, managed-by too
    roles = ["control-plane", *["worker"] * lab.workers]
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": lab.name,
        "nodes": [
            {
                "role": role,
                "labels": {**labels, **(GPU_LABELS if role == "worker" else {})},
                "extraMounts": _mounts(lab, golden, index),
            }
            for index, role in enumerate(roles)
        ],
        "kubeadmConfigPatches": ["kind: KubeletConfiguration\nfailCgroupV1: false\n"],
        # Where limits may not be raised the kubelet must do without, as in a user namespace.
        **({"featureGates": {"KubeletInUserNamespace": True}} if lab.own_conf else {}),
    }


def _mounts(lab: Lab, golden: Path | None, index: int) -> list[dict[str, Any]]:
    mounts: list[dict[str, Any]] = [
        {"hostPath": str(lab.marker), "containerPath": MARKER, "readOnly": True},
        {"hostPath": str(volumes_folder(lab)), "containerPath": storage.PATH},
    ]
    if golden is not None:
        own = nodes_folder(lab) / str(index)
        mounts += [
            {"hostPath": str(golden), "containerPath": store.SHARED, "readOnly": True},
            {"hostPath": str(own), "containerPath": store.CONTAINERD},
        ]
    return mounts


def create(lab: Lab, kind: Path, image: str, golden: Path | None, log: Path) -> None:
    """Run `kind create cluster`; the lab's folder and marker must be there.

    Raises:
        LabError: kind failed; the log has its words.
    """
    engine = lab.container_engine()
    assert engine is not None  # noqa: S101 - a lab whose cluster we make has one
    volumes_folder(lab).mkdir(parents=True, exist_ok=True)
    file = lab.folder / "kind.yaml"
    file.write_text(yaml.safe_dump(config(lab, golden), sort_keys=False))
    proc.run(
        [
            *(kind, "create", "cluster", "--name", lab.name, "--image", image),
            *("--config", file, "--kubeconfig", lab.kubeconfig, "--wait", "0s"),
        ],
        log=log,
        env=engine.env,
    )


def load(lab: Lab, kind: Path, archive: Path, log: Path) -> None:
    """Run `kind load image-archive`."""
    engine = lab.container_engine()
    assert engine is not None  # noqa: S101
    proc.run([kind, "load", "image-archive", archive, "--name", lab.name], log=log, env=engine.env)


def delete(lab: Lab, kind: Path, log: Path) -> None:
    """Run `kind delete cluster`, which removes the containers and their volumes."""
    engine = lab.container_engine()
    assert engine is not None  # noqa: S101
    proc.run(
        [kind, "delete", "cluster", "--name", lab.name, "--kubeconfig", lab.kubeconfig],
        log=log,
        env=engine.env,
    )


def ours(lab: Lab, containers: Sequence[Container]) -> bool:
    """Whether every one of these node containers has this lab's marker mounted."""
    return all(str(lab.marker) in c.mounts for c in containers)


def refuse_foreign(name: str, containers: Sequence[Container]) -> None:
    """Raises: LabError if a kind cluster of this name is there (it is not ours: that has been looked at)."""
    if containers:
        raise LabError(
            f"a kind cluster named {name!r} exists that this vlab did not make",
            f"choose another name with --name, or delete it yourself: kind delete cluster --name {name}",
            Exit.NOT_OURS,
        )
