"""`vlab down`: removes what carries a lab's label or marker, and nothing else."""

import shutil
from pathlib import Path

from vlab import paths, ui
from vlab.build import targets
from vlab.cluster import kind
from vlab.cluster.kube import Kube, kube
from vlab.cluster.lab import INSTANCE, Lab, every, find, locked
from vlab.cluster.up import destroy, forget
from vlab.errors import Exit, LabError


def down(name: str, purge: bool, steps: ui.Steps) -> bool:
    """Remove the lab; with `purge` also its learners' runs and, when no lab is left, the cache.

    Returns:
        Whether there was a lab.
    """
    with locked(paths.labs() / name, f"bringing lab {name!r} up or down"):
        lab = find(name)
        if lab is not None:
            _remove(lab, steps)
            forget(lab)
    if purge:
        _purge(name, steps)
    return lab is not None


def _remove(lab: Lab, steps: ui.Steps) -> None:
    if lab.provider == "context":
        with steps.step("Remove the lab's namespaces from the cluster"):
            delete_namespaces(kube(lab), lab.instance)
        return
    engine = lab.container_engine()
    assert engine is not None  # noqa: S101 - every kind provider has one
    containers = engine.nodes(lab.name)
    if not kind.ours(lab, containers):
        kind.refuse_foreign(lab.name, containers)
    with steps.step("Delete the cluster"):
        destroy(lab, _kind(lab), paths.logs() / f"{lab.name}-down.log")


def _kind(lab: Lab) -> Path:
    for built in sorted((paths.cache() / "host").glob("*/kind")):
        return built
    found = shutil.which("kind")
    if found is None:
        raise LabError(
            "kind is gone from the cache, so the cluster cannot be deleted with it",
            f"run `vlab up --name {lab.name}` (it builds kind again), then `vlab down`",
            Exit.BUILD,
        )
    return Path(found)


def delete_namespaces(cluster: Kube, instance: str) -> None:
    """Delete the namespaces that carry this instance's label."""
    ours = [o["metadata"]["name"] for o in cluster.items("namespaces", selector=f"{INSTANCE}={instance}")]
    for name in ours:
        cluster.delete("namespaces", name)
    for name in ours:
        cluster.gone("namespaces", name, timeout=300)


def _purge(name: str, steps: ui.Steps) -> None:
    with steps.step(f"Remove the runs of lab {name!r}"):
        shutil.rmtree(paths.labs() / name, ignore_errors=True)
    if others := [lab.name for lab in every()]:
        ui.say(f"the cache stays: {', '.join(others)} uses it")
        return
    with steps.step("Remove the cache"), locked(paths.cache(), "building images"):
        targets.clear(paths.cache())
