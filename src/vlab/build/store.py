"""The golden image store: containerd's own folder with every image unpacked once, shared by all nodes.

Loading an image into each node unpacks it once a node. Here containerd runs once on the host, imports the
images into a folder, and each node gets a folder of its own in which the databases are copies and the
unpacked layers are links into the golden one, mounted read-only: containerd writes its databases in place
and never touches an unpacked layer.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from vlab import proc
from vlab.build import oci
from vlab.build.contain import CONTAINED
from vlab.errors import Exit, LabError

SHARED = "/var/lib/vlab-images"
"""Where a node sees the golden store."""

CONTAINERD = "/var/lib/containerd"
"""Where a node's containerd looks for its own."""

SNAPSHOTS = Path("io.containerd.snapshotter.v1.overlayfs/snapshots")
_NAMESPACE = "k8s.io"

_CONFIG = """\
version = 2
root = "{root}"
state = "{run}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"]
[grpc]
address = "{run}/containerd.sock"
"""


def import_images(images: Sequence[oci.Image], store: Path, binaries: Path, log: Path) -> None:
    """Unpack `images` into the containerd folder `store` and drop their packed layers.

    Raises:
        LabError: containerd did not start or refused an image.
    """
    with _containerd(store, binaries, log) as ctr:
        with log.open("ab") as sink:
            load = subprocess.Popen(
                [*ctr, "images", "import", "--local", "--discard-unpacked-layers", "-"],
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=sink,
            )
            assert load.stdin is not None  # noqa: S101 - for the type checker
            with contextlib.suppress(BrokenPipeError), load.stdin as stream:
                oci.write_layout(images, cast(BinaryIO, stream))
            if load.wait() != 0:
                raise LabError("containerd refused an image", f"the whole output is in {log}", Exit.BUILD)
        # Deleting something with --sync waits for the garbage collector, which drops the packed layers.
        proc.run([*ctr, "leases", "create", "--id", "collect"], log=log)
        proc.run([*ctr, "leases", "delete", "--sync", "collect"], log=log)


@contextlib.contextmanager
def _containerd(store: Path, binaries: Path, log: Path) -> Iterator[list[str]]:
    """A containerd on `store` for as long as the block runs; gives the ctr command that talks to it."""
    # A socket's path may have 108 bytes: the cache's may be longer.
    with tempfile.TemporaryDirectory(prefix="vlab-") as run, log.open("ab") as sink:
        config = Path(run) / "config.toml"
        config.write_text(_CONFIG.format(root=store, run=run))
        daemon = subprocess.Popen([*CONTAINED, binaries / "containerd", "--config", config], stdout=sink, stderr=sink)
        try:
            ctr = [str(binaries / "ctr"), "--address", f"{run}/containerd.sock", "--namespace", _NAMESPACE]
            ready = Retrying(
                retry=retry_if_exception_type(LabError),
                stop=stop_after_delay(30),
                wait=wait_fixed(0.1),
                reraise=True,
            )
            ready(proc.output, [*ctr, "version"])
            yield ctr
        finally:
            _stop(daemon)


def _stop(daemon: "subprocess.Popen[bytes]") -> None:
    """Let containerd close its databases: the signal goes to it, since unshare passes none on."""
    children = Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children")
    for child in children.read_text().split() if daemon.poll() is None else []:
        os.kill(int(child), signal.SIGTERM)
    try:
        daemon.wait(20)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def branch(golden: Path, target: Path) -> None:
    """Make `target` a containerd folder of its own whose layers are those of `golden`, in milliseconds.

    The links lead to SHARED: `target` is of use only where the golden store is mounted there.
    """

    def unlinked(folder: str, _: list[str]) -> list[str]:
        return ["fs"] if Path(folder).parent == golden / SNAPSHOTS else []

    shutil.copytree(golden, target, symlinks=True, ignore=unlinked)
    for layer in (golden / SNAPSHOTS).iterdir():
        (target / SNAPSHOTS / layer.name / "fs").symlink_to(Path(SHARED) / SNAPSHOTS / layer.name / "fs")


def extend(golden: Path, target: Path) -> None:
    """Make `target` a full store that shares its unpacked files with `golden` by hard links.

    Databases are true copies, because containerd writes them in place.
    """
    proc.output(["cp", "-al", golden, target], timeout=600)
    for database in target.rglob("*.db"):
        database.unlink()
        shutil.copy2(golden / database.relative_to(target), database)
