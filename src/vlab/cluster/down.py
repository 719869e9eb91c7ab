"""`vlab down`: removes what carries a lab's label or marker, and nothing else."""

import shlex
import shutil
from pathlib import Path

from vlab import paths, ui
from vlab.build import targets
from vlab.cluster import kind
from vlab.cluster.containers import remove_images
from vlab.cluster.kube import Kube, kube
from vlab.cluster.lab import INSTANCE, Lab, every, find
from vlab.cluster.up import destroy, forget
from vlab.errors import Exit, LabError
from vlab.locks import locked
from vlab.names import checked_lab


def down(name: str, purge: bool, steps: ui.Steps, *, forgotten: bool = False) -> bool:
    """Remove the lab; with `purge` also its learners' runs and, when no lab is left, the cache.

    Args:
        forgotten: remove the record alone of a lab whose cluster is gone; only for one that vlab did not make.

    Returns:
        Whether there was a lab.
    """
    folder = paths.labs() / checked_lab(name)
    was = False
    if folder.is_dir():  # else there is neither a lab nor a run, and no `vlab up` is at work
        with locked(folder, f"bringing lab {name!r} up or down"):
            was = _down(name, steps, forgotten)
    if purge:
        _purge(name, steps)
    return was


def _down(name: str, steps: ui.Steps, forgotten: bool) -> bool:
    lab = find(name)
    if lab is None:
        return False
    if forgotten:
        _say_what_may_be_left(lab)
    else:
        _remove(lab, steps)
    forget(lab)
    return True


def _say_what_may_be_left(lab: Lab) -> None:
    if lab.provider != "context":
        raise LabError(
            f"lab {lab.name!r} was made here, so it can be removed and need not be forgotten",
            f"run `vlab down --name {lab.name}` without --forget",
        )
    ui.say(
        f"forgetting lab {lab.name!r}; if the cluster of context {lab.context!r} still exists, this may be left in it, "
        f"GPUs included: kubectl --context {shlex.quote(lab.context)} get namespaces -l {INSTANCE}={lab.instance}"
    )


def _remove(lab: Lab, steps: ui.Steps) -> None:
    if lab.provider == "context":
        with steps.step("Remove the lab's namespaces from the cluster"):
            _leave(lab)
        return
    engine = lab.container_engine()
    assert engine is not None  # noqa: S101 - every kind provider has one
    containers = engine.nodes(lab.name)
    if not kind.ours(lab, containers):
        kind.refuse_foreign(lab.name, containers)
    with steps.step("Delete the cluster"):
        destroy(lab, _kind(lab), paths.logs() / f"{lab.name}-down.log")


def _leave(lab: Lab) -> None:
    """Take what vlab made out of a cluster that it did not make."""
    try:
        delete_namespaces(kube(lab), lab.instance)
    except LabError as e:
        raise LabError(
            f"the lab cannot be removed from the cluster of context {lab.context!r}: {e.message}",
            f"if that cluster is gone for good, run `vlab down --forget --name {lab.name}`; else: {e.hint}",
            e.exit_code,
        ) from e


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
        remove_images(targets.node_references(paths.cache()))
        targets.clear(paths.cache())
