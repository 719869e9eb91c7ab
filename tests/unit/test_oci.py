"""OCI layouts read back with tarfile, byte by byte."""

import hashlib
import io
import json
import os
import stat
import tarfile
from pathlib import Path
from typing import Any

import pytest

from vlab.build.oci import Image, Layer, write_layer, write_layout
from vlab.errors import LabError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with one of each kind of file."""
    folder = tmp_path / "root"
    (folder / "bin").mkdir(parents=True)
    tool = folder / "bin" / "tool"
    tool.write_bytes(b"#!/bin/sh\n")
    tool.chmod(0o4755)
    os.utime(tool, ns=(0, 1_700_000_000_987_654_321))
    (folder / "bin" / "again").hardlink_to(tool)
    (folder / "bin" / "link").symlink_to("tool")
    (folder / "empty").mkdir(mode=0o700)
    (folder / "big").write_bytes(os.urandom(3_000_001))
    (folder / ("long-" * 30)).write_text("name of more than 100 bytes")
    os.mkfifo(folder / "pipe")
    return folder


def layout(images: list[Image]) -> dict[str, bytes]:
    out = io.BytesIO()
    write_layout(images, out)
    out.seek(0)
    with tarfile.open(fileobj=out) as tar:
        members = tar.getmembers()
        assert len({m.name for m in members}) == len(members)
        return {m.name: tar.extractfile(m).read() for m in members}  # type: ignore[union-attr]


def blob(files: dict[str, bytes], descriptor: dict[str, Any]) -> bytes:
    content = files["blobs/sha256/" + descriptor["digest"].removeprefix("sha256:")]
    assert descriptor["digest"] == "sha256:" + hashlib.sha256(content).hexdigest()
    assert descriptor["size"] == len(content)
    return content


def opened(files: dict[str, bytes]) -> dict[str, tuple[dict[str, Any], list[bytes]]]:
    """(config, layer tars) of each image name; every digest and size on the way is checked."""
    found = {}
    for entry in json.loads(files["index.json"])["manifests"]:
        manifest = json.loads(blob(files, entry))
        config = json.loads(blob(files, manifest["config"]))
        layers = [blob(files, layer) for layer in manifest["layers"]]
        assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in manifest["layers"]]
        found[entry["annotations"]["io.containerd.image.name"]] = (config, layers)
    return found


def members(layer: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        return {m.name: m for m in tar.getmembers()}


def test_every_kind_of_file_comes_back(root: Path) -> None:
    [(_, [layer])] = opened(layout([Image("lab.local/a:1", (Layer(root),), {})])).values()
    found = members(layer)
    assert stat.filemode(found["bin/again"].mode) == "?rwsr-xr-x"
    assert found["bin/again"].mtime == 1_700_000_000
    assert found["bin/tool"].islnk()
    assert found["bin/tool"].linkname == "bin/again"
    assert found["bin/link"].issym()
    assert found["bin/link"].linkname == "tool"
    assert found["empty"].isdir()
    assert found["empty"].mode == 0o700
    assert "pipe" not in found
    assert "long-" * 30 in found
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        big = tar.extractfile("big")
        assert big is not None
        assert big.read() == (root / "big").read_bytes()


def test_prefix_and_owner(root: Path) -> None:
    buffer = io.BytesIO()
    write_layer(Layer(root, "opt/vllm", owner=(1000, 1001)), buffer)
    found = members(buffer.getvalue())
    assert all(name == "opt/vllm" or name.startswith("opt/vllm/") for name in found)
    assert {(m.uid, m.gid, m.uname, m.gname) for m in found.values()} == {(1000, 1001, "", "")}
    assert found["opt/vllm/bin/tool"].linkname == "opt/vllm/bin/again"


def test_owner_none_keeps_ids(root: Path) -> None:
    buffer = io.BytesIO()
    write_layer(Layer(root, owner=None), buffer)
    mine = (root / "big").stat()
    assert (members(buffer.getvalue())["big"].uid, members(buffer.getvalue())["big"].gid) == (
        mine.st_uid,
        mine.st_gid,
    )


def test_images_share_a_layer_once(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "only").write_text("b")
    shared = Layer(root)
    files = layout(
        [
            Image("lab.local/a:1", (shared,), {"Entrypoint": ["/a"], "User": "1000:1000"}),
            Image("lab.local/b:1", (shared, Layer(other, "data")), {"Env": ["X=1"]}),
        ]
    )
    images = opened(files)
    assert images["lab.local/a:1"][0]["config"] == {"Entrypoint": ["/a"], "User": "1000:1000"}
    assert images["lab.local/b:1"][0]["config"] == {"Env": ["X=1"]}
    assert images["lab.local/a:1"][1][0] == images["lab.local/b:1"][1][0]
    # oci-layout, index.json, a config and a manifest each, two layers.
    assert len(files) == 8


def test_equal_folders_give_equal_bytes(root: Path) -> None:
    first, second = io.BytesIO(), io.BytesIO()
    names = [write_layout([Image("lab.local/a:1", (Layer(root),), {})], out) for out in (first, second)]
    assert first.getvalue() == second.getvalue()
    assert names[0] == names[1]
    assert names[0]["lab.local/a:1"].startswith("sha256:")


def test_a_folder_that_changes_between_the_passes_is_refused(root: Path) -> None:
    def grow(note: str) -> None:
        if note.startswith("writing"):
            (root / "new").write_bytes(bytes(1 << 21))

    with pytest.raises(LabError, match="changed while it was read"):
        write_layout([Image("lab.local/a:1", (Layer(root),), {})], io.BytesIO(), grow)


def test_the_stream_needs_no_seek(root: Path) -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as source, os.fdopen(write, "wb") as sink:
        small = root / "bin"
        write_layout([Image("lab.local/a:1", (Layer(small),), {})], sink)
        sink.close()
        with tarfile.open(fileobj=source, mode="r|") as tar:
            assert "index.json" in [m.name for m in tar]
