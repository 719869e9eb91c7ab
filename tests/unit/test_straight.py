"""Linking a layer's folder gives what unpacking its tar gives; a containerd says the same in tests/cluster."""

import io
import os
import stat
import subprocess
from pathlib import Path

import pytest

from vlab.build import oci, straight


def found(folder: Path) -> dict[str, tuple[object, ...]]:
    return {path.relative_to(folder).as_posix(): facts(path) for path in folder.rglob("*")}


def facts(path: Path) -> tuple[object, ...]:
    status = path.lstat()
    known = (stat.filemode(status.st_mode), status.st_uid, status.st_gid, status.st_mtime)
    if path.is_symlink():
        return *known, path.readlink()
    return *known, path.read_bytes() if path.is_file() else None, os.listxattr(path)


@pytest.fixture
def folder(tmp_path) -> Path:
    made = tmp_path / "made"
    (made / "sub/folder").mkdir(parents=True)
    (made / "sub/folder").chmod(0o1777)
    (made / "sub/set").write_text("#!/bin/sh")
    (made / "sub/set").chmod(0o4755)
    os.link(made / "sub/set", made / "again")
    (made / "noted").write_text("1")
    os.setxattr(made / "noted", "user.note", b"left out")
    (made / "dangling").symlink_to("nowhere")
    os.mkfifo(made / "fifo")
    for number, path in enumerate(sorted(made.rglob("*"), reverse=True)):  # a folder after what is in it
        os.utime(path, (number, number + 0.5), follow_symlinks=False)
    return made


@pytest.mark.parametrize("owner", [None, (0, 0), (1000, 7)])
def test_a_folder_is_placed_as_its_tar_is_unpacked(tmp_path, folder, owner):
    layer = oci.Layer(folder, owner=owner)
    packed = io.BytesIO()
    oci.write_layer(layer, packed)
    for name in ("placed", "unpacked"):
        (tmp_path / name).mkdir()
    unpack = ["tar", "--extract", "--preserve-permissions", "--numeric-owner", "--directory", tmp_path / "unpacked"]
    subprocess.run(unpack, input=packed.getvalue(), check=True)
    straight.place(layer, tmp_path / "placed")
    placed, unpacked = found(tmp_path / "placed"), found(tmp_path / "unpacked")
    # Linked files keep the fraction of a second that a tar cuts off.
    assert {k: (*v[:3], int(v[3]), *v[4:]) for k, v in placed.items()} == unpacked
    assert "fifo" not in placed


def test_a_file_is_copied_only_if_it_must_differ(tmp_path, folder):
    for name, owner in {"kept": None, "other": (1000, 7)}.items():
        (tmp_path / name).mkdir()
        straight.place(oci.Layer(folder, owner=owner), tmp_path / name)
    assert (tmp_path / "kept/again").samefile(folder / "again")
    assert not (tmp_path / "kept/noted").samefile(folder / "noted")
    assert not (tmp_path / "other/again").samefile(folder / "again")
    assert (folder / "again").stat().st_uid == 0


def test_a_folder_on_the_way_looks_as_in_the_layer_below_whatever_the_umask(tmp_path, folder):
    lower, target = tmp_path / "lower", tmp_path / "target"
    (lower / "home").mkdir(parents=True)
    (lower / "home").chmod(0o710)
    os.chown(lower / "home", 1000, 7)
    target.mkdir()
    before = os.umask(0o077)
    try:
        straight.place(oci.Layer(folder, "home/new/here"), target, [tmp_path / "empty", lower])
    finally:
        os.umask(before)
    assert facts(target / "home")[:3] == ("drwx--x---", 1000, 7)
    assert facts(target / "home/new")[:3] == ("drwxr-xr-x", 0, 0)


@pytest.mark.parametrize(
    "told",
    [
        "mount -t bind /store/snapshots/1/fs /nowhere -o rw,rbind\n",
        "mount -t overlay overlay /nowhere -o index=off,workdir=/store/snapshots/1/work,"
        "upperdir=/store/snapshots/1/fs,lowerdir=/store/snapshots/0/fs\n",
    ],
)
def test_where_a_snapshot_is_written_to(told):
    assert straight.upper(told) == Path("/store/snapshots/1/fs")


def test_a_snapshot_is_named_by_what_is_below_it():
    # From the OCI image specification: ChainID(a|b) = digest(ChainID(a) + " " + b).
    assert straight._chain_id([], "sha256:aa") == "sha256:aa"
    assert straight._chain_id(["sha256:aa"], "sha256:bb") == oci.Blob.of(b"sha256:aa sha256:bb").digest
