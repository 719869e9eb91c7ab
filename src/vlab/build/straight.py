"""Makes folders snapshots of the golden store by hard links, where unpacking would write gigabytes twice.

`store.import_images` sends layers through containerd: it keeps each as a tar, then unpacks that. What comes out is
the same here, digests included, and a test on real containerds says so; so nothing needs to be built anew for it.
"""

import io
import os
import shutil
import stat
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from vlab import proc
from vlab.build import oci, store

# What oci and store keep to themselves is used here: a change of those two would have everybody build everything anew.

_MAKING = "vlab-making"
_NO_ROOT = "containerd.io/gc.root="
"""Takes a label away that `ctr` gives: then a snapshot goes when its image goes, as after an import."""


def link_image(image: oci.Image, folder: Path, binaries: Path, log: Path) -> None:
    """Put an image into the containerd folder `folder`, which must be on the file system of its layers.

    Raises:
        LabError: containerd did not start or refused something.
        OSError: a file could not be linked.
    """
    layers = oci._measure(image.layers)
    documents: dict[str, bytes] = {}
    entry = oci._add_image(image, layers, documents)
    with store._containerd(folder, binaries, log) as ctr:
        chain: list[str] = []
        below: list[Path] = []
        for layer in image.layers:
            proc.run([*ctr, "snapshots", "prepare", _MAKING, *chain[-1:]], log=log)
            files = upper(proc.output([*ctr, "snapshots", "mounts", "/nowhere", _MAKING]))
            place(layer, files, below)
            chain.append(_chain_id(chain, layers[layer].digest))
            proc.run([*ctr, "snapshots", "commit", chain[-1], _MAKING], log=log)
            below.insert(0, files)
        with tempfile.TemporaryDirectory(prefix="vlab-") as made:
            layout = Path(made) / "layout.tar"
            _write_documents(layout, entry, documents)
            proc.run([*ctr, "images", "import", "--local", "--discard-unpacked-layers", layout], log=log)
        for snapshot in chain:
            proc.run([*ctr, "snapshots", "label", snapshot, _NO_ROOT], log=log)


def _chain_id(below: Sequence[str], diff_id: str) -> str:
    """The name of a snapshot, as the OCI image specification makes it of what lies below it and its own layer."""
    return oci.Blob.of(f"{below[-1]} {diff_id}".encode()).digest if below else diff_id


def upper(mount: str) -> Path:
    """The folder that a mount command of ctr writes to: of a bind mount its source, of an overlay its upperdir."""
    words = mount.split()
    if "bind" in words:
        return Path(words[words.index("bind") + 1])
    options = dict(o.split("=", 1) for o in words[words.index("-o") + 1].split(",") if "=" in o)
    return Path(options["upperdir"])


def _write_documents(file: Path, entry: dict[str, object], documents: dict[str, bytes]) -> None:
    """A layout without a layer: containerd asks for none whose snapshot is there."""
    made = {
        "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
        "index.json": oci._json({"schemaVersion": 2, "manifests": [entry]}),
        **documents,
    }
    with tarfile.open(file, "w") as tar:
        for name, content in made.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def place(layer: oci.Layer, target: Path, below: Sequence[Path] = ()) -> None:
    """Put what `layer` has into the folder `target`, as unpacking the layer would.

    Files are linked, so whoever writes to one writes to both; one that must have another owner, or none of its
    extended attributes, is copied.

    Args:
        below: the folders of the layers under it, the next one first.
    """
    root = target / layer.prefix
    for parent in reversed(root.relative_to(target).parents):
        _make_parent(parent, target, below)
    folders: list[tuple[Path, int]] = []
    for path in oci._walk(layer.root):
        to, status = root / path.relative_to(layer.root), path.lstat()
        owner, time = layer.owner or (status.st_uid, status.st_gid), int(status.st_mtime)
        if to == target:
            continue  # a snapshot's own folder is containerd's
        if stat.S_ISDIR(status.st_mode):
            to.mkdir(exist_ok=True)
            folders.append((to, time))
        elif stat.S_ISLNK(status.st_mode):
            to.symlink_to(path.readlink())
            os.chown(to, *owner, follow_symlinks=False)
            os.utime(to, (time, time), follow_symlinks=False)
            continue
        elif not stat.S_ISREG(status.st_mode):
            continue
        elif owner == (status.st_uid, status.st_gid) and not os.listxattr(path):
            os.link(path, to)
            continue
        else:
            shutil.copyfile(path, to)
        os.chown(to, *owner)
        to.chmod(stat.S_IMODE(status.st_mode))
        os.utime(to, (time, time))
    for to, time in reversed(folders):  # what was put into a folder has changed its time
        os.utime(to, (time, time))


def _make_parent(parent: Path, target: Path, below: Sequence[Path]) -> None:
    """Make a folder that the layer does not have itself: it looks as it does further down, else like any."""
    made = target / parent
    if parent == Path() or made.exists():
        return
    made.mkdir()
    status = next((found.lstat() for folder in below if (found := folder / parent).is_dir()), None)
    made.chmod(0o755 if status is None else stat.S_IMODE(status.st_mode))
    if status is not None:
        os.chown(made, status.st_uid, status.st_gid)
