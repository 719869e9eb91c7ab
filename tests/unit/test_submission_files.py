"""Submissions from anybody: what is no file of one is refused with its name and the reason, in bounded memory."""

import io
import json
import os
import stat
import struct
import zipfile
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import submitting as s
from memory import peak
from vlab.errors import LabError
from vlab.evidence import files as evidence_files
from vlab.submission import Policy, admit, manifests, parse, read_submission
from vlab.submission.files import LAYOUT, MANIFEST_BYTES, MAX_MANIFESTS, MAX_VALUES
from vlab.submission.manifests import MAX_DEPTH, MAX_NODES

pytestmark = pytest.mark.timeout(300)
"""Whoever counts the memory that is taken makes Python several times slower."""

GOOD = {
    "manifests/server.yaml": s.as_yaml(*s.good()),
    "manifests/edge.json": b'{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "edge"}}',
    "answers/diagnosis.md": b"# Was fehlte\n",
    "evidence/logs/a--vllm.log": b"hello\n",
}
MEMORY = evidence_files.MAX_PACKED_BYTES + (24 << 20)
"""What reading any submission may take: one that is as large as one may be, and what else is needed to look at it."""


def folder(path, files):
    for name, content in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return path


def refusal(path):
    with pytest.raises(LabError) as caught:
        read_submission(path)
    assert "\n" not in caught.value.message and caught.value.hint
    return caught.value.message


def test_a_folder_and_a_zip_file_are_read_alike(tmp_path):
    of_folder = read_submission(folder(tmp_path / "d", GOOD))
    of_zip = read_submission(s.zipped(tmp_path / "s.zip", GOOD))
    assert dict(of_folder.files) == dict(of_zip.files) == GOOD
    assert list(of_zip.manifests) == ["edge.json", "server.yaml"]
    assert list(of_zip.evidence.files) == ["logs/a--vllm.log"]
    with pytest.raises(TypeError):
        of_zip.files["manifests/x.yaml"] = b""


def test_what_zip_tools_write_for_folders_is_let_through(tmp_path):
    entries = {"manifests/": b"", "evidence/": b"", "evidence/logs/": b"", **GOOD}
    assert dict(read_submission(s.zipped(tmp_path / "s.zip", entries)).files) == GOOD


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil.yaml", "leads out of the submission"),
        ("manifests/../../evil.yaml", "leads out of the submission"),
        ("manifests\\..\\evil.yaml", "leads out of the submission"),
        ("/etc/passwd", "has an absolute name"),
        ("\\\\host\\share", "has an absolute name"),
        ("C:/windows/x", "has an absolute name"),
        ("manifests/run.sh", "is no file of a submission"),
        ("manifests/deep/x.yaml", "is no file of a submission"),
        ("manifests/.hidden.yaml", "is no file of a submission"),
        ("manifests/a b.yaml", "is no file of a submission"),
        ("manifests/" + "x" * 101 + ".yaml", "is no file of a submission"),
        ("manifests/ä.yaml", "is no file of a submission"),
        ("manifests/x.yaml\n", "is no file of a submission"),
        ("answers/x.html", "is no file of a submission"),
        ("evidence/evil.so", "is no file of a submission"),
        ("__MACOSX/manifests/x.yaml", "is no file of a submission"),
        ("vlab.key", "is no file of a submission"),
        ("evidence/manifests/", "is no file of a submission"),
    ],
)
def test_a_name_that_is_none_is_refused(tmp_path, name, reason):
    message = refusal(s.zipped(tmp_path / "s.zip", {**GOOD, name: b"x"}))
    assert message.endswith(reason)
    assert evidence_files.shown(name) in message


@pytest.mark.parametrize("name", ["manifests/x.yaml", "answers/x.md", "evidence/objects.json", "submission.json"])
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda file: file.symlink_to("/etc/passwd"), "is no regular file"),
        (lambda file: file.symlink_to("/dev/zero"), "is no regular file"),
        (os.mkfifo, "is no regular file"),
        (lambda file: os.truncate(os.open(file, os.O_CREAT | os.O_WRONLY), 1 << 40), "is larger than"),
        (lambda file: file.mkdir(), "is no file of a submission"),
    ],
)
def test_a_file_of_a_folder_that_is_no_plain_file_is_refused(tmp_path, name, make, reason):
    folder(tmp_path, GOOD)
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    make(file)
    message = refusal(tmp_path)
    assert name in message and reason in message


def test_a_folder_that_is_a_link_leads_nowhere(tmp_path):
    folder(tmp_path / "real", GOOD)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert "is a link" in refusal(tmp_path / "link")
    (tmp_path / "half").mkdir()
    (tmp_path / "half/manifests").symlink_to(tmp_path / "real/manifests")
    assert "manifests is no file of a submission" in refusal(tmp_path / "half")


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFDIR, stat.S_IFSOCK])
def test_an_entry_that_is_no_plain_file_is_refused(tmp_path, mode):
    message = refusal(s.zipped(tmp_path / "s.zip", {"manifests/x.yaml": b"/etc/passwd"}, mode=mode | 0o777))
    assert message == "manifests/x.yaml is no regular file"


def test_an_entry_that_is_there_twice_or_encrypted_or_packed_otherwise_is_refused(tmp_path):
    name = "manifests/x.yaml"
    assert refusal(s.twice(tmp_path / "a.zip", name, b"x")) == f"{name} is there twice"
    assert refusal(s.encrypted(tmp_path / "b.zip", name, b"x")) == f"{name} is encrypted"
    packed = s.zipped(tmp_path / "c.zip", {name: b"x"}, compression=zipfile.ZIP_LZMA)
    assert refusal(packed) == f"{name} is compressed in a way that is not used here"


def test_a_bomb_is_refused_by_what_is_unpacked_and_not_by_what_it_says(tmp_path):
    told = s.zipped(tmp_path / "a.zip", {"manifests/x.yaml": bytes(1 << 28)})
    lying = s.lying(tmp_path / "b.zip", "evidence/objects.json", 1024)
    for bomb, where in ((told, "manifests/x.yaml"), (lying, "evidence/objects.json")):
        assert bomb.stat().st_size < 2 << 20
        assert peak(lambda bomb=bomb, where=where: where in refusal(bomb)) < MEMORY
    assert "manifests/x.yaml is larger than 256 KiB" in refusal(told)


def test_many_small_files_that_are_large_together_are_refused(tmp_path):
    logs = {f"evidence/logs/p{n}--c.log": bytes(2 << 20) for n in range(40)}
    bomb = s.zipped(tmp_path / "s.zip", logs)
    assert peak(lambda: refusal(bomb)) < MEMORY
    assert "all together" in refusal(bomb)


def test_a_folder_that_is_large_as_a_whole_is_refused(tmp_path):
    for number in range(40):
        file = tmp_path / f"evidence/logs/p{number}--c.log"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as sink:
            sink.truncate(2 << 20)
    assert peak(lambda: refusal(tmp_path)) < MEMORY


def test_json_of_which_every_byte_becomes_an_object_is_refused(tmp_path):
    dense = s.zipped(tmp_path / "s.zip", {"evidence/loads.jsonl": b"[" + b"[]," * MAX_VALUES})
    assert "evidence/loads.jsonl holds more than" in refusal(dense)


def test_many_manifests_that_are_large_together_are_refused(tmp_path):
    large = {f"manifests/{n}.yaml": b"#" * MANIFEST_BYTES for n in range(5)}
    assert refusal(s.zipped(tmp_path / "a.zip", large)) == "manifests/ is larger than 1 MiB, all files together"
    many = {f"manifests/{n}.yaml": b"" for n in range(MAX_MANIFESTS + 1)}
    assert refusal(s.zipped(tmp_path / "b.zip", many)) == f"manifests/ holds more than {MAX_MANIFESTS} files"


def test_a_file_of_a_gigabyte_is_refused_unread(tmp_path):
    for name in ("s.zip", "d/evidence/objects.json"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as sink:
            sink.truncate(1 << 30)
    assert peak(lambda: refusal(tmp_path / "s.zip")) < MEMORY
    assert peak(lambda: refusal(tmp_path / "d")) < MEMORY
    assert "evidence/objects.json is larger than" in refusal(tmp_path / "d")


def test_too_many_files_are_refused_before_they_are_looked_at(tmp_path):
    many = {f"x{n}": b"" for n in range(LAYOUT.max_files + 1)}
    assert "holds more than" in refusal(s.zipped(tmp_path / "a.zip", many))
    assert "holds more than" in refusal(folder(tmp_path / "d", many))


def test_a_directory_of_a_million_entries_costs_no_more_than_its_bytes(tmp_path):
    facts = (20, 3, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
    entry = struct.pack("<4sBBHHHHHIIIHHHHHII", b"PK\x01\x02", *facts) + b"x"
    count = 1_000_000
    directory = entry * count
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 65535, 65535, len(directory), 0, 0)
    (tmp_path / "s.zip").write_bytes(directory + end)
    assert peak(lambda: refusal(tmp_path / "s.zip")) < 2 * len(directory)
    assert "holds more than" in refusal(tmp_path / "s.zip")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x05\x06" + b"\xff" * 18, b"\x1f\x8b\x08" + bytes(64)])
def test_what_is_no_zip_file_is_refused(tmp_path, content):
    (tmp_path / "s.zip").write_bytes(content)
    assert "holds no submission" in refusal(tmp_path / "s.zip")


def test_nothing_there_is_an_error_like_any_other(tmp_path):
    assert "No such file" in refusal(tmp_path / "nowhere")


@given(st.data())
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_zip_file_is_read_or_refused_and_never_more(tmp_path, data):
    raw = bytearray(s.zipped(tmp_path / "s.zip", GOOD).read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "s.zip").write_bytes(raw[: data.draw(st.integers(0, len(raw)))] if data.draw(st.booleans()) else raw)
    try:
        found = read_submission(tmp_path / "s.zip")
    except LabError as e:
        assert "\n" not in e.message
    else:
        assert all(LAYOUT.limit(name) is not None for name in found.files)


def indented(depth):
    return b"a: " + b"[" * depth + b"]" * depth


BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n".encode() for a, b in pairwise("abcdefghi")
)
TEXTS = {
    "an anchor": BOMB,
    "an alias": b"a: *nowhere",
    "a merge": b"{<<: {a: b}, kind: Pod}",
    "nested deeper": indented(MAX_DEPTH + 1),
    "nested deeper ": indented(100_000),
    "more than 20000 values": b"a:\n" + b"- x\n" * MAX_NODES,
    "a tag": b"a: !!python/object/apply:os.system [id]",
    "a tag ": b"a: !!binary aGVsbG8=",
    "a tag  ": b"!evil {a: b}",
    "twice": b"spec: {hostNetwork: true, hostNetwork: false}",
    "key that is no word": b"? [a, b]\n: c",
    "not of its tag's type": b"a: !!int x",
    "more than 64 digits": b"a: " + b"9" * 100_000,
    "no text in UTF-8": b"a: \xff",
    "not YAML": b"a: [",
    "not YAML ": b"a: \x07",
    "no object": b"- a\n- b",
    "half of a character": b'a: "\\ud800"',
}
JSONS = {
    "twice": b'{"spec": {"a": 1, "a": 2}}',
    "nested deeper": b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    "nested deeper ": b"[" * 100_000,
    "more than 20000 values": b"[" + b"0," * MAX_NODES + b"0]",
    "a number that is none": b'{"a": NaN}',
    "a number that is none ": b'{"a": 1e999}',
    "more than 64 digits": b'{"a": ' + b"9" * 5000 + b"}",
    "not JSON": b"{'a': 1}",
    "not JSON ": b"{} {}",
    "half of a character": b'{"a": "\\ud800"}',
}


NO_DATA = [("x.yaml", reason, text) for reason, text in TEXTS.items()]
NO_DATA += [("x.json", reason, text) for reason, text in JSONS.items()]
NO_DATA += [("x.yml", "an anchor", BOMB)]


@pytest.mark.parametrize(("name", "reason", "text"), NO_DATA, ids=[f"{n}-{r}" for n, r, _ in NO_DATA])
def test_a_manifest_that_is_more_than_data_is_refused(tmp_path, name, reason, text):
    found = read_submission(s.zipped(tmp_path / "s.zip", {f"manifests/{name}": text}))

    def refused():
        with pytest.raises(LabError, match=rf"^{name} .*{reason.strip()}"):
            manifests(found)

    assert peak(refused) < 32 << 20


def test_every_manifest_counts_towards_what_there_may_be(tmp_path):
    half = b"a:\n" + b"- x\n" * (MAX_NODES // 2)
    one = read_submission(s.zipped(tmp_path / "a.zip", {"manifests/a.yaml": half}))
    assert len(manifests(one)) == 1
    two = read_submission(s.zipped(tmp_path / "b.zip", {"manifests/a.yaml": half, "manifests/b.yaml": half}))
    with pytest.raises(LabError, match=r"b.yaml has more than"):
        manifests(two)


def read(tmp_path, **files):
    entries = {f"manifests/{name.replace('_', '.')}": text for name, text in files.items()}
    return [m.object for m in manifests(read_submission(s.zipped(tmp_path / "s.zip", entries)))]


def test_a_manifest_is_read_as_kubernetes_reads_it(tmp_path):
    text = b"""
    a: {number: 2, mode: 0644, share: 1e3, half: .5, on: yes, off: "no", none: ~, empty: }
    time: 12:30:45
    day: 2026-01-01
    version: !!str 1
    8080: port
    tab: "a\\tb"
    """
    (found,) = read(tmp_path, x_yaml=text)
    assert found == {
        "a": {
            "number": 2,
            "mode": 0o644,
            "share": 1e3,
            "half": 0.5,
            "on": True,
            "off": "no",
            "none": None,
            "empty": None,
        },
        "time": "12:30:45",
        "day": "2026-01-01",
        "version": "1",
        "8080": "port",
        "tab": "a\tb",
    }


def test_documents_and_lists_are_unrolled_in_their_order(tmp_path):
    one, two, three = ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": n}} for n in "abc")
    listed = {"apiVersion": "v1", "kind": "List", "items": [two, {"kind": "ConfigMapList", "items": [three]}]}
    assert read(tmp_path, x_yaml=b"---\n" + s.as_yaml(one, listed) + b"---\n# nothing\n") == [one, two, three]
    (found,) = manifests(read_submission(s.zipped(tmp_path / "t.zip", {"manifests/x.yaml": s.as_yaml(one)})))
    assert (found.where, found.object) == ("x.yaml, object 1", one)


@pytest.mark.parametrize("profile", ["cpu", "gpu"])
def test_what_is_written_is_what_is_read(tmp_path, profile):
    assert read(tmp_path, x_yaml=s.as_yaml(*s.good(profile))) == s.good(profile)


SCRAPS = [
    "a: ",
    "- ",
    "? ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "&a",
    "*a",
    "!!int",
    "|\n",
    ">",
    "'",
    '"',
    "---\n",
    "#",
    "%",
    "\t",
    "\n",
    "1",
    "<<",
]


@given(
    st.lists(st.sampled_from(SCRAPS), max_size=30).map(lambda parts: "".join(parts).encode()) | st.binary(max_size=60)
)
@settings(max_examples=300)
def test_whatever_is_called_a_manifest_is_read_or_refused_in_a_line(raw):
    for name in ("x.yaml", "x.json"):
        try:
            found = parse({name: raw})
        except LabError as e:
            assert e.message.startswith(f"{name} ") and "\n" not in e.message
        else:
            assert admit([m.object for m in found], POLICY) or not found


# What anybody may do to a submission, and a word of the reason for which it is refused.

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
NAMES = st.one_of(
    WORDS.map(lambda w: f"../{w}"),
    WORDS.map(lambda w: f"manifests/../{w}"),
    WORDS.map(lambda w: f"/{w}"),
    WORDS.map(lambda w: f"manifests/{w}/x.yaml"),
    WORDS.map(lambda w: f"answers/{w}.exe"),
    WORDS.map(lambda w: f"evidence/{w}.py"),
)
NAME_REASONS = ("leads out of the submission", "has an absolute name", "is no file of a submission")
KINDS = ["Pod", "Deployment", "StatefulSet", "ReplicaSet", "Job"]
POLICY = Policy(namespace=s.HERE, ingress_classes=("nginx",))


@st.composite
def hostile_entries(draw):
    """Files, and the words of which one must be in the reason."""
    how = draw(st.sampled_from(["name", "text", "json", "pod", "kind", "object", "marks"]))
    name = draw(st.sampled_from(["a.yaml", "server.yml", "manifest-1.yaml"]))
    if how == "name":
        return {**GOOD, draw(NAMES): b"x"}, NAME_REASONS
    if how in ("text", "json"):
        known = (TEXTS if how == "text" else JSONS).items()
        reason, text = draw(st.sampled_from([(r, t) for r, t in known if len(t) < 4096]))
        return {**GOOD, f"manifests/{name if how == 'text' else 'x.json'}": text}, (reason.strip(),)
    if how == "pod":
        trait, spoil = draw(st.sampled_from([*s.POD_TRAITS.values(), *s.ONLY_OURS.values()]))
        found = s.hostile_pod(draw(st.sampled_from(KINDS)), spoil)
    elif how == "kind":
        trait = "kind"
        kind = draw(st.sampled_from(sorted(s.KINDS)))
        found = {"apiVersion": s.KINDS[kind], "kind": kind, "metadata": {"name": "x"}}
    elif how == "object":
        trait, make, spoil = draw(st.sampled_from(list(s.OTHERS.values())))
        found = s.spoiled(make, spoil)
    else:
        trait, spoil = draw(st.sampled_from([*s.MARKS.values(), *s.OF_NAMES.values()]))
        found = s.spoiled(s.service, spoil)
    wrapped = {"apiVersion": "v1", "kind": "List", "items": [found]} if draw(st.booleans()) else found
    before = draw(st.lists(st.sampled_from([s.secret(), s.ingress()]), max_size=1))
    if draw(st.booleans()):
        return {"manifests/x.json": json.dumps(wrapped).encode()}, (trait,)
    return {f"manifests/{name}": s.as_yaml(*before, wrapped)}, (trait,)


@given(hostile_entries())
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(({"manifests/x.yaml": BOMB}, ("an anchor",)))
def test_three_hundred_hostile_submissions_are_refused_for_what_they_are(tmp_path, hostile):
    entries, reasons = hostile
    file = s.zipped(tmp_path / "s.zip", entries)
    try:
        objects = [m.object for m in manifests(read_submission(file))]
    except LabError as e:
        assert any(reason in e.message for reason in reasons) and "\n" not in e.message
    else:
        refused = admit(objects, POLICY)
        assert reasons[0] in {r.trait for r in refused}
        assert all(r.reason and len(str(r)) < 1000 for r in refused)


HARMLESS = st.dictionaries(
    st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8})?", fullmatch=True), st.text("abc-", max_size=8), max_size=3
)


@given(HARMLESS, HARMLESS, st.integers(0, 8), st.sampled_from(KINDS), st.booleans())
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_harmless_changes_are_let_through(tmp_path, labels, annotations, replicas, kind, in_a_list):
    found = s.pod_of(kind)
    found["metadata"] |= {"labels": labels, "annotations": annotations}
    if kind in ("Deployment", "StatefulSet", "ReplicaSet"):
        found["spec"]["replicas"] = replicas
    s.pod_spec(found)["containers"][0]["args"] = list(labels)
    wrapped = {"apiVersion": "v1", "kind": "List", "items": [found, s.service()]} if in_a_list else found
    file = s.zipped(tmp_path / "s.zip", {**GOOD, "manifests/server.yaml": s.as_yaml(wrapped)})
    objects = [m.object for m in manifests(read_submission(file))]
    assert [str(r) for r in admit(objects, POLICY)] == []
    assert found in objects


def test_the_reader_of_evidence_has_the_same_guards(tmp_path):
    with pytest.raises(LabError, match=r"objects.json is encrypted"):
        evidence_files.read(s.encrypted(tmp_path / "a.zip", "objects.json", b"x"))
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for number in range(2 * evidence_files.MAX_FILES + 1):
            archive.writestr(f"x{number}", b"")
    (tmp_path / "b.zip").write_bytes(sink.getvalue())
    with pytest.raises(LabError, match="holds more than"):
        evidence_files.read(tmp_path / "b.zip")
