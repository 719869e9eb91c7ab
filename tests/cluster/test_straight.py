"""Folders that are linked into a containerd's store are what the same containerd makes of them by unpacking."""

import json
import os
import re
import shutil
import tarfile
from pathlib import Path

import pytest

from vlab import paths, proc
from vlab.build import node, oci, store, straight

pytestmark = pytest.mark.cluster

LONG_AGO = 1000.0


@pytest.fixture(scope="module")
def binaries(tmp_path_factory) -> Path:
    """containerd and ctr, out of the node image: the cache does not keep them."""
    folder = tmp_path_factory.mktemp("binaries")
    archive = node.node_image.path(paths.cache()) / "node.tar"
    if not archive.is_file():
        pytest.skip("the node image is not built here: its nodes come from a registry")
    with tarfile.open(archive) as tar:
        for name in ("containerd", "ctr"):
            member = tar.getmember(f"./usr/local/bin/{name}")
            member.name = name
            tar.extract(member, folder, filter="tar")
    return folder


def an_image(folder: Path) -> oci.Image:
    """Three layers with all that a layer may have in it, and what is left out of one."""
    root, site, notes = (folder / name for name in ("root", "site", "notes"))
    for each in (root / "usr/bin", root / "dev", root / "home/a", root / "opt/site", site / "package", notes):
        each.mkdir(parents=True)
    (root / "usr/bin/su").write_text("#!/bin/sh\n")
    os.chown(root / "usr/bin/su", 0, 42)
    (root / "usr/bin/su").chmod(0o4755)
    os.link(root / "usr/bin/su", root / "usr/bin/again")
    (root / "bin").symlink_to("usr/bin")
    root.chmod(0o711)
    (root / "home/a").chmod(0o750)
    os.chown(root / "home/a", 1000, 7)
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    os.mkfifo(root / "dev/fifo")
    (site / "package/code.py").write_text("print(1)\n")
    os.setxattr(site / "package/code.py", "user.note", b"left out")
    (site / "package/none.py").touch(mode=0o600)
    (notes / "note.json").write_text("{}")
    layers = (
        oci.Layer(root, owner=None),
        oci.Layer(site, "opt/site"),
        oci.Layer(notes, "home/a/new/b", owner=(1000, 7)),
    )
    return oci.Image("localhost/straight:1", layers, {"Env": ["A=b"]})


def facts(folder: Path, binaries: Path) -> dict[str, object]:
    """What a containerd says of its store, and what lies in it."""
    log = folder.with_suffix(".log")
    with store._containerd(folder, binaries, log) as ctr:
        collect(ctr, log)
        snapshots = proc.output([*ctr, "snapshots", "list"])
        found: dict[str, object] = {
            "images": [line.split()[:3] for line in proc.output([*ctr, "images", "list"]).splitlines()],
            "unpacked": proc.output([*ctr, "images", "check"]).split()[-1],
            "snapshots": snapshots,
            "labels": [labels(ctr, name) for name in re.findall(r"^sha256:\w+", snapshots, re.MULTILINE)],
            "content": sorted(map(steady, proc.output([*ctr, "content", "list"]).splitlines()[1:])),
        }
    layers = folder / store.SNAPSHOTS
    return found | {path.relative_to(layers).as_posix(): file_facts(path) for path in layers.rglob("*")}


def collect(ctr: list[str], log: Path) -> None:
    """Let go what nothing leads to."""
    proc.run([*ctr, "leases", "create", "--id", "again"], log=log)
    proc.run([*ctr, "leases", "delete", "--sync", "again"], log=log)


def labels(ctr: list[str], snapshot: str) -> object:
    info = json.loads(proc.output([*ctr, "snapshots", "info", snapshot]))
    return {name: value for name, value in info.items() if name not in ("Created", "Updated")}


def steady(line: str) -> str:
    """A line of content without its age."""
    return " ".join([line.split()[0], *sorted(re.findall(r"containerd\.io/[^,\s]+", line))])


def file_facts(path: Path) -> tuple[object, ...]:
    """All that a layer says of a file; folders that no layer has were made just now."""
    found = path.lstat()
    time = found.st_mtime if found.st_mtime < LONG_AGO else None
    known = (oct(found.st_mode), found.st_uid, found.st_gid, found.st_nlink, time)
    if path.is_symlink():
        return *known, path.readlink()
    return *known, path.read_bytes() if path.is_file() else None, os.listxattr(path)


def test_linking_makes_what_unpacking_makes(tmp_path, binaries):
    image = an_image(tmp_path)
    store.import_images([image], tmp_path / "unpacked", binaries, tmp_path / "unpacked.log")
    straight.link_image(image, tmp_path / "linked", binaries, tmp_path / "linked.log")
    for layer in image.layers:
        shutil.rmtree(layer.root)
    unpacked, linked = (facts(tmp_path / how, binaries) for how in ("unpacked", "linked"))
    assert linked.keys() == unpacked.keys()
    assert {what: linked[what] for what in linked if linked[what] != unpacked[what]} == {}


def test_when_its_image_goes_so_do_its_snapshots_and_nothing_else(tmp_path, binaries):
    image, log = an_image(tmp_path), tmp_path / "linked.log"
    straight.link_image(image, tmp_path / "linked", binaries, log)
    su = tmp_path / "linked" / store.SNAPSHOTS / "1/fs/usr/bin/su"
    assert su.samefile(tmp_path / "root/usr/bin/su"), "it was copied"
    with store._containerd(tmp_path / "linked", binaries, log) as ctr:
        proc.run([*ctr, "images", "remove", "--sync", image.reference], log=log)
        assert "sha256" not in proc.output([*ctr, "snapshots", "list"])
    assert not su.exists()
    assert (tmp_path / "root/usr/bin/su").read_text() == "#!/bin/sh\n"
