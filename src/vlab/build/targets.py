"""What a provider needs built before it can make a cluster, and what may be thrown away afterwards."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vlab import disk, paths, ui
from vlab.build import golang, images, node
from vlab.build.pipeline import Pipeline, Step, remove
from vlab.errors import Exit, LabError
from vlab.locks import locked
from vlab.names import ProviderName
from vlab.pins import pins

GOLDEN = "golden"
"""In the folder of a lab's nodes: a link to the image store that they have mounted."""

_CONDEMNED = "pruned.removing-{}"
"""In the cache: what `_condemn` has moved out of the way, by the process that did."""

PEAK_BYTES: dict[ProviderName, int] = {"kind-built": 20 * 10**9, "kind-registry": 9 * 10**9, "context": 0}
"""What a provider takes on the disk at its peak: compiling and unpacking, or pulling."""


class NodeImages(Protocol):
    """The images of a container engine; vlab.cluster has the engines."""

    def has_image(self, reference: str) -> bool:
        """Whether the image is there."""

    def import_node(self, tar: Path, reference: str, log: Path) -> None:
        """Make a node's image of a root file system."""


@dataclass(frozen=True)
class Images:
    """What `kind create cluster` needs."""

    kind: Path
    node: str
    store: Path | None
    """The golden image store, where there is one."""
    tools: str
    """The image of the lab's own small programs."""
    archive: Path | None
    """That image, where it is not in the store and must be loaded."""


def steps_of(provider: ProviderName) -> tuple[Step, ...]:
    """The steps whose results a provider uses; what lies behind them is only needed to build them."""
    if provider == "kind-built":
        return (golang.host, node.node_image, images.image_store)
    return (golang.clients, images.tools_archive)


@contextmanager
def ready(provider: ProviderName, engine: NodeImages, steps: ui.Steps) -> Iterator[Images]:
    """Build what is missing; the first time takes minutes, then nothing. The block uses it.

    What only the building needed is removed beside the block, which waits for that at its end unless it fails.

    Raises:
        LabError: the disk is too small, a registry refuses something, or a tool failed.
    """
    root = paths.cache()
    wanted = steps_of(provider)
    with ExitStack() as beside:
        with locked(root, "building images"):
            pipeline = Pipeline(root, paths.logs())
            if pipeline.missing(wanted):
                _check_disk(root, PEAK_BYTES[provider])
                sweep(root)
                pipeline.ensure(wanted, steps)
                if not os.environ.get("VLAB_KEEP_BUILD"):  # for those who change the recipes
                    _condemn(root)
            for condemned in root.glob(_CONDEMNED.format("*")):  # also what a killed vlab left
                beside.enter_context(_removing(condemned, steps))
            reference = _node_reference(provider)
            if provider == "kind-built" and not engine.has_image(reference):
                with steps.step("Import the node image"):
                    tar = node.node_image.path(root) / "node.tar"
                    engine.import_node(tar, reference, paths.logs() / "import-node.log")
        golden = images.image_store.path(root) / "containerd" if provider == "kind-built" else None
        archive = None if golden else images.tools_archive.path(root) / "tools.tar"
        yield Images(wanted[0].path(root) / "kind", reference, golden, images.TOOLS, archive)


@contextmanager
def _removing(folder: Path, steps: ui.Steps) -> Iterator[None]:
    """Remove a folder beside the block: gigabytes of small files take a while, and nobody needs them gone.

    A block that fails does not wait for it: the next `vlab up` goes on.
    """

    def remove_all() -> None:
        with steps.step("Clean up after building"):
            shutil.rmtree(folder, ignore_errors=True)  # another vlab may sweep it meanwhile

    thread = threading.Thread(target=remove_all, name="clean-up", daemon=True)
    thread.start()
    yield
    thread.join()


def built(provider: ProviderName) -> bool:
    """Whether everything that the provider needs lies in the cache."""
    return not Pipeline(paths.cache(), paths.logs()).missing(steps_of(provider))


def _node_reference(provider: ProviderName) -> str:
    if provider == "kind-built":
        return _reference(node.node_image.key)
    return pins().kind.node_image


def _reference(key: str) -> str:
    return f"localhost/vlab-node:{key}"


def node_references(root: Path) -> list[str]:
    """The node images that this cache has built, as an engine knows them."""
    return [_reference(folder.name) for folder in sorted((root / node.node_image.name).glob("*")) if folder.is_dir()]


def _check_disk(root: Path, peak: int) -> None:
    root.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(root).free
    has = disk.taken(root)
    if free + has < peak:
        raise LabError(
            f"{free / 1e9:.0f} GB are free at {root}; getting the images takes {peak / 1e9:.0f} GB at its peak",
            "free some space, or set VLAB_CACHE to a folder on a larger disk",
            Exit.MACHINE,
        )


def kept() -> set[Path]:
    """The results, relative to the cache, that a finished lab goes on using."""
    return {Path(step.name, step.key) for provider in ("kind-built", "kind-registry") for step in steps_of(provider)}


def sweep(root: Path) -> None:
    """Remove what an interrupted vlab left half-made or half-removed."""
    for folder in [*root.glob("*/*.partial"), *root.glob("*/*.removing-*"), *root.glob("*.removing-*")]:
        shutil.rmtree(folder, ignore_errors=True)


def prune(root: Path) -> None:
    """Remove everything that is folded into the images: downloads, compilers' caches, results of former versions.

    Must be called with the cache's lock held. What the nodes of a lab use is left alone, however old.
    """
    sweep(root)
    shutil.rmtree(_condemn(root))


def _condemn(root: Path) -> Path:
    """Move what `prune` removes into one folder, at once and all of it; a sweep takes it for half-removed."""
    doomed = root / _CONDEMNED.format(os.getpid())
    doomed.mkdir()
    keep = kept() | {golden.readlink().parent.relative_to(root) for golden in root.glob(f"nodes/*/{GOLDEN}")}
    for folder in [f for f in root.glob("*/*") if f.is_dir()]:
        relative = folder.relative_to(root)
        if relative.parts[0] not in ("nodes", doomed.name) and relative not in keep:
            folder.rename(doomed / "-".join(relative.parts))
    for parent in [p for p in root.iterdir() if p.is_dir() and p != doomed and not any(p.iterdir())]:
        parent.rmdir()
    return doomed


def clear(root: Path) -> None:
    """Remove the whole cache. Must be called with its lock held."""
    for child in root.iterdir():
        if child.is_dir():
            remove(child)
        elif child.name != ".lock":
            child.unlink()
