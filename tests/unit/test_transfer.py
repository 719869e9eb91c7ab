"""Parts of the cache travel in one file: whole and as they were, or not at all."""

import fcntl
import hashlib
import io
import json
import os
import platform
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from vlab import cli, ui
from vlab.build import transfer, trees
from vlab.build.pipeline import remove
from vlab.errors import Exit, LabError

ROOT = os.geteuid() == 0
NAMES = ["host/aaa", "store/bbb"]
NS = 1_700_000_000_123_456_789


@pytest.fixture
def cache(tmp_path) -> Path:
    """A cache with two parts that have all that a root file system may have."""
    root = tmp_path / "cache"
    host, store = (root / name for name in NAMES)
    host.mkdir(parents=True)
    (host / "kind").write_bytes(b"program" * 1000)
    (host / "kind").chmod(0o755)
    files = store / "containerd/snapshots/1/fs"
    (files / "bin").mkdir(parents=True)
    (files / "bin/perl").write_bytes(os.urandom(3_000_000))
    (files / "bin/perl5").hardlink_to(files / "bin/perl")
    (files / "bin/su").write_bytes(b"su")
    (files / "bin/su").chmod(0o4755)
    (files / "sh").symlink_to("/bin/sh")
    (files / "etc").symlink_to("/etc", target_is_directory=True)
    (files / "dangling").symlink_to("../../../nowhere")
    os.mkfifo(files / "pipe", 0o640)
    (files / "tmp").mkdir()
    (files / "tmp").chmod(0o1777)
    (files / ("n" * 150)).write_text("a long name")
    (files / "Grün\udcff").write_text("a name that is no text")
    (files / "empty").touch()
    with suppress(OSError):  # not every file system has them
        os.setxattr(files / "bin/su", "user.note", b"\x00\xffraw=1\n")
    if ROOT:
        os.chown(files / "bin/su", 42, 43)
        (files / "bin/su").chmod(0o6755)
        os.chown(files / "sh", 7, 8, follow_symlinks=False)
        with suppress(PermissionError):  # in a container
            os.mknod(files / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        with suppress(PermissionError):
            os.setxattr(files / "bin/perl", "trusted.overlay.opaque", b"y")
    for path in sorted(root.rglob("*"), reverse=True):
        os.utime(path, ns=(NS, NS + len(path.name)), follow_symlinks=False)
    return root


def tree(folder: Path) -> dict[str, tuple]:
    """All that is to be kept, by path; inodes as the first path that has one."""
    found: dict[str, tuple] = {}
    first: dict[int, str] = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        status = path.lstat()
        name = path.relative_to(folder).as_posix()
        regular = stat.S_ISREG(status.st_mode)
        found[name] = (
            stat.filemode(status.st_mode),
            (status.st_uid, status.st_gid, status.st_mtime_ns, status.st_rdev),
            first.setdefault(status.st_ino, name),
            path.read_bytes() if regular else (path.readlink() if path.is_symlink() else None),
            {n: os.getxattr(path, n, follow_symlinks=False) for n in os.listxattr(path, follow_symlinks=False)},
        )
    return found


def export(root: Path, file: Path) -> transfer.Manifest:
    with ui.Steps() as steps:
        return transfer.export_parts(root, NAMES, file, steps)


def take(root: Path, file: Path, names=NAMES, **more) -> transfer.Imported:
    with ui.Steps() as steps:
        return transfer.import_parts(root, names, file, steps, **more)


def leftovers(folder: Path) -> list[str]:
    return [str(p.relative_to(folder)) for p in folder.rglob("*") if "partial" in p.name or "removing" in p.name]


def test_what_arrives_is_what_was_there(cache, tmp_path):
    before = {name: tree(cache / name) for name in NAMES}
    kinds = {entry[0][0] for entry in before["store/bbb"].values()}
    assert kinds >= {"-", "d", "l", "p"}
    manifest = export(cache, tmp_path / "images")
    done = take(tmp_path / "other", tmp_path / "images", sha256=manifest.sha256)
    assert done.new == tuple(NAMES) and done.there == ()
    assert {name: tree(tmp_path / "other" / name) for name in NAMES} == before
    assert leftovers(tmp_path) == []


def test_what_is_there_is_not_touched(cache, tmp_path):
    export(cache, tmp_path / "images")
    mine = tmp_path / "other/host/aaa"
    mine.mkdir(parents=True)
    (mine / "kind").write_text("my own")
    done = take(tmp_path / "other", tmp_path / "images")
    assert (done.new, done.there) == (("store/bbb",), ("host/aaa",))
    assert (mine / "kind").read_text() == "my own"
    again = take(tmp_path / "other", tmp_path / "images")
    assert (again.new, again.there) == ((), tuple(NAMES))


def test_equal_parts_have_equal_digests(cache, tmp_path):
    first, second = (export(cache, tmp_path / name) for name in ("one", "two"))
    assert first.sha256 == second.sha256
    (cache / "host/aaa/kind").chmod(0o700)
    assert export(cache, tmp_path / "three").sha256 != first.sha256


def test_an_import_that_is_killed_goes_on_with_what_is_missing(cache, tmp_path):
    """It is killed for good in the middle of its second part."""
    export(cache, tmp_path / "images")
    other = tmp_path / "other"
    script = f"""
import os, signal
from pathlib import Path
from vlab import ui
from vlab.build import transfer, trees
dress = trees._dress
def dies(path, member):
    if path.name == "perl":
        os.kill(os.getpid(), signal.SIGKILL)
    dress(path, member)
trees._dress = dies
with ui.Steps() as steps:
    transfer.import_parts(Path({str(other)!r}), {NAMES!r}, Path({str(tmp_path / "images")!r}), steps)
"""
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=50)
    assert killed.returncode == -signal.SIGKILL
    assert (other / "host/aaa").is_dir() and not (other / "store/bbb").exists()
    assert leftovers(other), "it was in the middle"
    (other / "store/bbb.partial.removing-1/x").mkdir(parents=True)  # killed while it cleaned up
    done = take(other, tmp_path / "images")
    assert (done.new, done.there) == (("store/bbb",), ("host/aaa",))
    assert tree(other / "store/bbb") == tree(cache / "store/bbb")
    assert leftovers(other) == []


def test_an_export_that_is_interrupted_leaves_nothing(cache, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(transfer.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export(cache, tmp_path / "images")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cache"]


def test_an_export_goes_over_what_is_left_of_a_killed_one_but_not_of_a_living_one(cache, tmp_path):
    left = tmp_path / ".images.partial"
    left.write_bytes(b"left" * 10_000_000)
    with left.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(LabError, match="another vlab is writing"):
            export(cache, tmp_path / "images")
    assert left.exists() and not (tmp_path / "images").exists()
    export(cache, tmp_path / "images")
    assert take(tmp_path / "other", tmp_path / "images").new == tuple(NAMES)
    assert (tmp_path / "images").stat().st_size < 10_000_000 and not left.exists()


def test_a_part_that_is_removed_meanwhile_ends_the_export(cache, tmp_path, monkeypatch):
    pack = trees.pack

    def packs(folder, sink):
        shutil.rmtree(cache / "store/bbb", ignore_errors=True)
        return pack(folder, sink)

    monkeypatch.setattr(trees, "pack", packs)
    with pytest.raises(LabError, match="store/bbb was removed while it was packed"):
        export(cache, tmp_path / "images")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cache"]


def test_an_export_replaces_no_file(cache, tmp_path):
    (tmp_path / "images").write_text("mine")
    with pytest.raises(LabError, match="is there already"):
        export(cache, tmp_path / "images")
    assert (tmp_path / "images").read_text() == "mine"
    with pytest.raises(LabError, match="its folder is not there"):
        export(cache, tmp_path / "no/images")


def test_what_is_not_built_is_not_exported(cache, tmp_path):
    remove(cache / "host/aaa")
    with pytest.raises(LabError, match="host/aaa is not built yet"):
        export(cache, tmp_path / "images")
    assert not (tmp_path / "images").exists()


def test_a_damaged_byte_anywhere_is_found_and_its_part_named(cache, tmp_path):
    export(cache, tmp_path / "images")
    whole = (tmp_path / "images").read_bytes()
    with zipfile.ZipFile(tmp_path / "images") as archive:
        starts = {info.filename: info.header_offset for info in archive.infolist()}
    store = starts["store/bbb.tar"]
    for number, place in enumerate(
        [store + 200, store + 2_000_000, starts["manifest.json"] - 100, starts["host/aaa.tar"] + 100]
    ):
        spoilt = tmp_path / f"spoilt{number}"
        spoilt.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        part = "host/aaa" if number == 3 else "store/bbb"
        with pytest.raises(LabError, match=f"is damaged in its part {part}"):
            take(tmp_path / f"other{number}", spoilt)
        assert not (tmp_path / f"other{number}" / part).exists()
        assert (tmp_path / f"other{number}" / "host/aaa").exists() is (part != "host/aaa")
        assert leftovers(tmp_path) == []


@pytest.mark.parametrize("length", [0, 100, 1_000_000, -1])
def test_a_file_that_was_cut_off_is_known_at_once(cache, tmp_path, length):
    export(cache, tmp_path / "images")
    with (tmp_path / "images").open("r+b") as file:
        file.truncate(length if length >= 0 else (tmp_path / "images").stat().st_size - 1)
    with pytest.raises(LabError, match="no exported cache, or was cut off"):
        take(tmp_path / "other", tmp_path / "images")
    assert not (tmp_path / "other/host").exists()


def rewritten(file: Path, swap: tuple[bytes, bytes] = (b"", b""), **changes) -> Path:
    """The same file with another manifest, or with other bytes in its parts, whose checksums are right."""
    new = file.with_name("rewritten")
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(new, "w") as archive:
        for info in old.infolist():
            raw = old.read(info)
            if info.filename == "manifest.json":
                raw = json.dumps({**json.loads(raw), **changes}).encode()
            else:
                raw = raw.replace(*swap) if swap[0] else raw
            archive.writestr(info.filename, raw)
    return new


def test_other_content_is_found_by_the_digest(cache, tmp_path):
    export(cache, tmp_path / "images")
    with pytest.raises(LabError, match="is damaged in its part host/aaa: its digest is another one"):
        take(tmp_path / "other", rewritten(tmp_path / "images", (b"program", b"PROGRAM")))
    assert leftovers(tmp_path) == [] and not (tmp_path / "other/host/aaa").exists()


def test_of_another_architecture_vlab_or_digest_it_is_refused(cache, tmp_path):
    manifest = export(cache, tmp_path / "images")
    assert manifest.architecture == platform.machine()
    with pytest.raises(LabError, match=f"is for riscv64, and this machine is {platform.machine()}"):
        take(tmp_path / "other", rewritten(tmp_path / "images", architecture="riscv64"))
    with pytest.raises(LabError, match=r"another vlab .*: it has no store/ccc"):
        take(tmp_path / "other", tmp_path / "images", ["host/aaa", "store/ccc"])
    with pytest.raises(LabError, match=f"its digest is {manifest.sha256}"):
        take(tmp_path / "other", tmp_path / "images", sha256="0" * 64)
    with pytest.raises(LabError, match="no manifest that this vlab reads"):
        take(tmp_path / "other", rewritten(tmp_path / "images", schema_version=2))
    assert not (tmp_path / "other/host").exists()


def test_too_little_room_is_said_before_anything_is_made(cache, tmp_path):
    manifest = export(cache, tmp_path / "images")
    parts = [part.model_dump() | {"disk": 10**18} for part in manifest.parts]
    with pytest.raises(LabError, match=r"what is missing takes 2000000000\.0 GB") as refused:
        take(tmp_path / "other", rewritten(tmp_path / "images", parts=parts))
    assert refused.value.exit_code == Exit.MACHINE
    assert not (tmp_path / "other/host").exists()


# What a hostile file could hold


def entry(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", content: bytes = b""
) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, link, len(content)
    member.uid, member.gid = os.geteuid(), os.getegid()
    return member, content


FOLDER = entry(".", tarfile.DIRTYPE)
HOSTILE = {
    "upwards": [FOLDER, entry("../evil", content=b"x")],
    "upwards-inside": [FOLDER, entry("a", tarfile.DIRTYPE), entry("a/../../evil", content=b"x")],
    "upwards-as-folder": [FOLDER, entry("..", tarfile.DIRTYPE), entry("../evil", content=b"x")],
    "itself": [FOLDER, entry("a", tarfile.DIRTYPE), entry("a/.", tarfile.DIRTYPE)],
    "absolute": [FOLDER, entry("/tmp/vlab-evil", content=b"x")],
    "through-a-link": [FOLDER, entry("a", tarfile.SYMTYPE, "OUT"), entry("a/evil", content=b"x")],
    "over-a-link": [FOLDER, entry("a", tarfile.SYMTYPE, "OUT/evil"), entry("a", content=b"x")],
    "folder-over-a-link": [FOLDER, entry("a", tarfile.SYMTYPE, "OUT"), entry("a", tarfile.DIRTYPE), entry("a/evil")],
    "hard-link-outside": [FOLDER, entry("a", tarfile.LNKTYPE, "../../secret"), entry("a", content=b"x")],
    "hard-link-absolute": [FOLDER, entry("a", tarfile.LNKTYPE, "OUT/secret")],
    "hard-link-to-a-link": [FOLDER, entry("a", tarfile.SYMTYPE, "OUT/secret"), entry("b", tarfile.LNKTYPE, "a")],
    "no-folder-first": [entry("evil", content=b"x")],
    "root-is-a-link": [entry(".", tarfile.SYMTYPE, "OUT"), entry("evil", content=b"x")],
    "empty-name": [FOLDER, entry("a", tarfile.DIRTYPE), entry("a//evil", content=b"x")],
    "unknown-kind": [FOLDER, entry("a", b"V")],
    "huge-owner": [FOLDER, entry("a", tarfile.SYMTYPE, "b")],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_entry_ends_the_import_and_leaves_nothing(tmp_path, name):
    out = tmp_path / "out"
    out.mkdir()
    (out / "secret").write_text("secret")
    before = tree(out)
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for member, content in HOSTILE[name]:
            member.linkname = member.linkname.replace("OUT", str(out))
            if name == "huge-owner" and member.issym():
                member.pax_headers = {"uid": str(2**80)}
            tar.addfile(member, io.BytesIO(content))
    part = {"name": "host/aaa", "sha256": hashlib.sha256(raw.getvalue()).hexdigest(), "entries": 1}
    part |= {"bytes": len(raw.getvalue()), "disk": 1}
    manifest = {"schema_version": 1, "vlab": "0", "architecture": platform.machine(), "parts": [part]}
    with zipfile.ZipFile(tmp_path / "images", "w") as archive:
        archive.writestr("host/aaa.tar", raw.getvalue())
        archive.writestr("manifest.json", json.dumps(manifest))
    with pytest.raises(LabError, match="is damaged in its part host/aaa"):
        take(tmp_path / "other", tmp_path / "images", ["host/aaa"])
    assert tree(out) == before
    assert not list(tmp_path.rglob("evil")) and not Path("/tmp/vlab-evil").exists()
    assert [p.name for p in (tmp_path / "other").rglob("*") if p.name != ".lock"] == ["host"]


def test_a_part_that_holds_more_than_it_says_is_stopped_there(cache, tmp_path):
    manifest = export(cache, tmp_path / "images")
    parts = [part.model_dump() | {"bytes": 100_000, "disk": 100_000} for part in manifest.parts]
    with pytest.raises(LabError, match="store/bbb: it holds more than it says"):
        take(tmp_path / "other", rewritten(tmp_path / "images", parts=parts), ["store/bbb"])
    assert not (tmp_path / "other/store/bbb").exists()


def test_a_name_in_a_manifest_leads_nowhere_that_was_not_asked_for(cache, tmp_path):
    """Only parts that this vlab needs are made, whatever others a file names."""
    manifest = export(cache, tmp_path / "images")
    stranger = manifest.parts[0].model_dump() | {"name": "../../evil"}
    file = rewritten(tmp_path / "images", parts=[stranger, *(p.model_dump() for p in manifest.parts)])
    assert take(tmp_path / "other", file).new == tuple(NAMES)
    assert not list(tmp_path.rglob("evil"))


def test_a_socket_is_not_packed(tmp_path):
    import socket

    (tmp_path / "a").mkdir()
    with socket.socket(socket.AF_UNIX) as one, pytest.raises(trees.Strange, match="is a socket"):
        one.bind(str(tmp_path / "a/s"))
        trees.pack(tmp_path / "a", io.BytesIO())


# The commands


@pytest.mark.skipif(not ROOT, reason="needs root")
def test_the_commands_carry_what_up_needs(tmp_path, monkeypatch, capsys):
    from vlab.build import targets

    monkeypatch.setenv("VLAB_CACHE", str(tmp_path / "cache"))
    for step in targets.steps_of("kind-built"):
        step.path(tmp_path / "cache").mkdir(parents=True)
        (step.path(tmp_path / "cache") / "file").write_text(step.name)
    assert targets.built("kind-built")
    file = tmp_path / "images"
    assert cli.run(["cache", "export", str(file), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["bytes"] == file.stat().st_size and len(said["parts"]) == 3
    monkeypatch.setenv("VLAB_CACHE", str(tmp_path / "other"))
    assert not targets.built("kind-built")
    assert cli.run(["cache", "import", str(file), "--json", "--digest", said["sha256"]]) == 0
    done = json.loads(capsys.readouterr().out)
    assert len(done["imported"]) == 3 and done["there"] == []
    assert targets.built("kind-built")
    shutil.rmtree(tmp_path / "cache")
    monkeypatch.setenv("VLAB_CACHE", str(tmp_path / "cache"))
    assert cli.run(["cache", "export", str(tmp_path / "new")]) == Exit.USAGE
    assert [line.split(":")[0] for line in capsys.readouterr().err.splitlines()] == ["error", "hint"]
