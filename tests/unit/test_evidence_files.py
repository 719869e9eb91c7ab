"""Evidence from anybody: only regular files of bounded size are read; a zip file is as good as a folder."""

import io
import os
import stat
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vlab.errors import LabError
from vlab.evidence import Collected, Header, MetricSample, load, pack, read_answers, write
from vlab.evidence.files import MAX_FILES, MAX_TEXTS

OK = Collected(ok=True)
HEADER = Header(
    vlab="0",
    scenario="s",
    learner="ada",
    namespace="n",
    profile="cpu",
    started=datetime(2026, 1, 1, tzinfo=UTC),
    seconds=1.0,
    collectors=dict.fromkeys(("events", "load", "logs", "answers"), OK),
)
PARTS = {"events": [], "metrics": [MetricSample(t=1.0, pod="a", samples={"vllm:x": 1.0})]}


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "e", HEADER, PARTS, {"a--vllm.log": "hello\n"}, {"answer.md": "signal\n", "zwölf.md": "ö"})
    return tmp_path / "e"


def sparse(file, size):
    with file.open("wb") as sink:
        sink.truncate(size)


HOSTILE = {
    "link": (lambda file: file.symlink_to("/etc/hostname"), "no regular file"),
    "endless": (lambda file: file.symlink_to("/dev/zero"), "no regular file"),
    "nowhere": (lambda file: file.symlink_to("/nowhere"), "no regular file"),
    "fifo": (os.mkfifo, "no regular file"),
    "huge": (lambda file: sparse(file, 1 << 40), "larger than"),
    "folder": (lambda file: file.mkdir(), "cannot be read|no evidence|no regular file"),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("name", ["evidence.json", "events.json", "metrics.jsonl", "logs/a--vllm.log", "answers/b.md"])
def test_a_file_that_is_no_plain_file_is_refused(folder, kind, name):
    make, words = HOSTILE[kind]
    file = folder / name
    file.unlink(missing_ok=True)
    make(file)
    with pytest.raises(LabError, match=words):
        load(folder)


@pytest.mark.parametrize(
    ("name", "limit"), [("metrics.jsonl", 64 << 20), ("events.json", 16 << 20), ("logs/a--vllm.log", 2 << 20)]
)
def test_each_file_has_its_limit(folder, name, limit):
    sparse(folder / name, limit + 1)
    with pytest.raises(LabError, match=f"{name} is larger than {limit >> 20} MiB"):
        load(folder)


def test_a_folder_of_texts_that_leads_elsewhere_is_refused(folder, tmp_path):
    (folder / "answers").rename(tmp_path / "elsewhere")
    (folder / "answers").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LabError, match="answers"):
        load(folder)


def test_too_many_files_are_refused(folder):
    for number in range(MAX_FILES):
        (folder / "answers" / f"{number}.md").touch()
    with pytest.raises(LabError, match=f"more than {MAX_FILES} files"):
        load(folder)


@pytest.mark.parametrize("path", ["/dev/zero", "/etc/hostname", "/nowhere"])
def test_what_is_neither_a_folder_nor_a_zip_file_is_no_evidence(path):
    with pytest.raises(LabError, match=r"no regular file|holds no evidence"):
        load(Path(path))


def test_what_would_be_too_large_to_be_read_is_not_written(tmp_path):
    long = {"a--vllm.log": "ö🙂" * 500_000}
    many = {f"{number}.md": "x" for number in range(MAX_TEXTS + 1)}
    write(tmp_path / "e", HEADER, {"events": [{"kind": "x" * (17 << 20)}]}, long, many)
    found = load(tmp_path / "e")
    assert (
        found.header.collectors["events"].reason == "events.json came out wrong: ValueError: it is larger than 16 MiB"
    )
    assert found.logs["a--vllm.log"].startswith("[the beginning is left out]\n")
    assert len(found.answers) == MAX_TEXTS
    assert found.header.refused == {f"answers/{MAX_TEXTS}.md": f"is one of more than {MAX_TEXTS}"}


def test_a_packed_folder_is_the_same_evidence(folder, tmp_path):
    pack(folder, tmp_path / "e.zip")
    packed, plain = load(tmp_path / "e.zip"), load(folder)
    assert (packed.digest, packed.seal, packed.header) == (plain.digest, plain.seal, plain.header)
    assert (packed.metrics, packed.logs, packed.answers) == (plain.metrics, plain.logs, plain.answers)
    assert {p.name for p in tmp_path.iterdir()} == {"e", "e.zip"}


def test_equal_folders_make_equal_zip_files(folder, tmp_path):
    pack(folder, tmp_path / "a.zip")
    for file in folder.rglob("*"):
        os.utime(file, (1, 1))
    (folder / "events.json").chmod(0o600)
    pack(folder, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def zipped(folder, **entries):
    """A zip file of a folder with some entries put in or replaced."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            if str(file.relative_to(folder)) not in entries:
                archive.writestr(str(file.relative_to(folder)), file.read_bytes())
        for name, content in entries.items():
            archive.writestr(name, content)
    return raw.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("../escape.md", b"x", r"no evidence: \.\./escape\.md"),
        ("/etc/passwd", b"x", "no evidence: /etc/passwd"),
        ("answers/../../x.md", b"x", "no evidence: answers/"),
        ("metrics.jsonl", b" " * (65 << 20), r"metrics\.jsonl is larger than 64 MiB"),
        ("logs/a--vllm.log", b"x" * (3 << 20), "larger than 2 MiB"),
    ],
    ids=["up", "root", "through", "bomb", "log"],
)
def test_a_hostile_zip_file_is_refused(folder, tmp_path, name, content, words):
    (tmp_path / "e.zip").write_bytes(zipped(folder, **{name: content}))
    before = set(tmp_path.parent.rglob("*"))
    with pytest.raises(LabError, match=words):
        load(tmp_path / "e.zip")
    assert set(tmp_path.parent.rglob("*")) == before


def test_a_zip_file_may_hold_no_more_than_all_together_may_be(folder, tmp_path):
    big = {f"{name}.json": b" " * (16 << 20) for name in ("objects", "events", "probes", "stream", "api")}
    (tmp_path / "e.zip").write_bytes(zipped(folder, **big))
    with pytest.raises(LabError, match="or all together are"):
        load(tmp_path / "e.zip")


def test_a_link_in_a_zip_file_is_refused(folder, tmp_path):
    (folder / "events.json").unlink()
    with zipfile.ZipFile(tmp_path / "e.zip", "w") as archive:
        archive.writestr("evidence.json", (folder / "evidence.json").read_bytes())
        link = zipfile.ZipInfo("events.json")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/hostname")
    with pytest.raises(LabError, match=r"events\.json is no regular file"):
        load(tmp_path / "e.zip")


def test_a_name_twice_in_a_zip_file_is_refused(folder, tmp_path):
    (tmp_path / "e.zip").write_bytes(zipped(folder))
    with zipfile.ZipFile(tmp_path / "e.zip", "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("events.json", "[]")
    with pytest.raises(LabError, match="there twice"):
        load(tmp_path / "e.zip")


def test_a_damaged_zip_file_is_no_evidence(folder, tmp_path):
    whole = zipped(folder)
    (tmp_path / "e.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LabError, match="holds no evidence"):
        load(tmp_path / "e.zip")
    (tmp_path / "e.zip").write_bytes(whole[:40] + bytes([whole[40] ^ 255]) + whole[41:])
    with pytest.raises(LabError):
        load(tmp_path / "e.zip")


@pytest.mark.timeout(20)
def test_answers_are_plain_files_and_one_that_is_none_costs_only_itself(tmp_path):
    (tmp_path / "recommendation.md").write_text("good")
    (tmp_path / "notes.txt").write_text("no answer")
    (tmp_path / "._recommendation.md").write_bytes(b"\x00\x05")
    (tmp_path / ".#x.md").symlink_to("ada@host.123")
    (tmp_path / "link.md").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "pipe.md")
    sparse(tmp_path / "huge.md", 1 << 40)
    (tmp_path / "folder.md").mkdir()
    texts, refused = read_answers(tmp_path)
    assert texts == {"recommendation.md": "good"}
    assert refused == {
        "._recommendation.md": "is hidden, or called as no answer can be",
        ".#x.md": "is hidden, or called as no answer can be",
        "link.md": "is no regular file",
        "pipe.md": "is no regular file",
        "huge.md": "is larger than 1 MiB",
        "folder.md": "is no regular file",
    }
    assert read_answers(tmp_path / "nowhere") == ({}, {})
