"""The seal: one changed byte anywhere is found and named, and reports say who signed."""

import hashlib
import shutil
import stat
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from vlab.cli.evidence import app
from vlab.errors import Exit, LabError
from vlab.evidence import Collected, Evidence, Header, files, load, seal, write

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes_raw()
SIGNED = f"signed by {hashlib.sha256(PUBLIC).hexdigest()[:16]}"
OK = Collected(ok=True)
HEADER = Header(
    vlab="0",
    scenario="s",
    learner="ada",
    namespace="n",
    profile="cpu",
    started=datetime(2026, 1, 1, tzinfo=UTC),
    seconds=1.0,
    collectors={"events": OK, "logs": OK, "answers": OK},
)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seal") / "e"
    write(folder, HEADER, {"events": []}, {"a--vllm.log": "hello\n"}, {"answer.md": "signal\n"}, KEY)
    return folder


@pytest.fixture
def signed(pristine, tmp_path):
    return shutil.copytree(pristine, tmp_path / "e")


@pytest.fixture
def public(tmp_path):
    """A file with the public key."""
    file = tmp_path / "vlab.pub"
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    file.write_bytes(KEY.public_key().public_bytes(serialization.Encoding.PEM, form))
    return file


def state(folder):
    return seal.state(files.read(folder))


def verified(*arguments, **environment):
    """Exit code and words of `vlab evidence verify`."""
    done = CliRunner().invoke(app, ["verify", *map(str, arguments)], standalone_mode=False, env=environment)
    if isinstance(done.exception, LabError):
        return done.exception.exit_code, done.exception.message
    assert done.exception is None, done.exception
    return done.return_value, done.output


def test_what_was_not_touched_says_who_signed_it(signed):
    assert str(state(signed)) == SIGNED
    found = load(signed)
    assert (str(found.seal), found.logs) == (SIGNED, {"a--vllm.log": "hello\n"})


@settings(max_examples=60)
@given(st.data())
def test_one_changed_byte_anywhere_is_found(pristine, data):
    file = data.draw(st.sampled_from(sorted(p for p in pristine.rglob("*") if p.is_file())))
    before = file.read_bytes()
    position = data.draw(st.integers(0, len(before) - 1))
    other = data.draw(st.integers(1, 255)) ^ before[position]
    try:
        file.write_bytes(before[:position] + bytes([other]) + before[position + 1 :])
        assert str(state(pristine)) == f"changed: {file.relative_to(pristine)}"
    finally:
        file.write_bytes(before)


def test_every_kind_of_change_is_named(signed):
    (signed / "events.json").write_text("[ ]\n")
    (signed / "logs" / "b--vllm.log").write_text("new")
    (signed / "stray.txt").write_text("new")
    (signed / "answers" / "answer.md").unlink()
    assert state(signed).changed == ("answers/answer.md", "events.json", "logs/b--vllm.log", "stray.txt")


@pytest.mark.parametrize("change", [str.upper, str.strip, "{}\n".format, "0{}".format, "x".join, lambda _: "[]"])
def test_a_signature_can_be_written_in_one_way_only(signed, change):
    file = signed / files.SIGNATURE
    file.write_text(change(file.read_text()))
    assert str(state(signed)) == "changed: MANIFEST.sig"


def test_a_manifest_made_anew_without_the_key_is_found(signed):
    (signed / "events.json").write_text("[ ]\n")
    (signed / files.MANIFEST).write_text(seal.manifest(files.read(signed).files))
    assert str(state(signed)) == "changed: MANIFEST.sig"


def test_evidence_without_a_signature_is_unsigned_and_changes_are_found_all_the_same(tmp_path):
    write(tmp_path / "e", HEADER, {"events": []})
    assert str(state(tmp_path / "e")) == "unsigned"
    (tmp_path / "e" / "events.json").write_text("[ ]\n")
    assert str(state(tmp_path / "e")) == "changed: events.json"
    (tmp_path / "e" / "MANIFEST").unlink()
    assert str(state(tmp_path / "e")) == "unsigned"


def test_the_digest_is_of_what_is_there_and_not_of_what_the_manifest_says(signed):
    before = load(signed).digest
    assert before == hashlib.sha256((signed / "MANIFEST").read_bytes()).hexdigest()
    (signed / "events.json").write_text("[ ]\n")
    assert load(signed).digest != before


def test_what_is_judged_is_what_the_seal_speaks_of(signed):
    found = Evidence(signed)
    (signed / "answers" / "answer.md").write_text("changed after it was read")
    assert (str(found.seal), found.answers) == (SIGNED, {"answer.md": "signal\n"})


def test_a_signature_can_be_required(signed, public, tmp_path, monkeypatch):
    monkeypatch.setenv("VLAB_STATE", str(tmp_path / "state"))
    seal.require(load(signed), public)
    with pytest.raises(LabError, match=f"{SIGNED}, which is not this machine's key") as caught:
        seal.require(load(signed))
    assert caught.value.exit_code is Exit.USAGE
    assert not (tmp_path / "state").exists()
    write(tmp_path / "own", HEADER, {"events": []}, key=seal.own_key())
    seal.require(load(tmp_path / "own"))
    with pytest.raises(LabError, match="not the key that was named"):
        seal.require(load(tmp_path / "own"), public)
    write(tmp_path / "none", HEADER, {"events": []})
    with pytest.raises(LabError, match="is unsigned"):
        seal.require(load(tmp_path / "none"))
    (signed / "events.json").write_text("[ ]\n")
    with pytest.raises(LabError, match=r"is changed: events\.json"):
        seal.require(load(signed), public)


def test_verify_says_whether_anything_was_changed_before_it_reads_what(signed, public):
    assert verified(signed, "--key", public) == (Exit.OK, f"as it was recorded, {SIGNED}\n")
    (signed / "events.json").write_text("{ this is no JSON")
    assert verified(signed, "--key", public) == (Exit.CHECKS_FAILED, "changed: events.json\n")
    (signed / "events.json").unlink()
    (signed / "events.json").symlink_to("/dev/zero")
    assert verified(signed, "--key", public) == (Exit.CHECKS_FAILED, "changed: events.json is no regular file\n")


def test_verify_makes_no_key_and_says_where_there_is_no_signature(signed, tmp_path):
    state = tmp_path / "state"
    code, words = verified(signed, VLAB_STATE=str(state))
    assert (code, words) == (Exit.CHECKS_FAILED, f"{SIGNED}, which is not this machine's\n")
    assert not state.exists()
    (signed / files.SIGNATURE).unlink()
    code, words = verified(signed, VLAB_STATE=str(state))
    assert code is Exit.USAGE
    assert "is unsigned" in words
    code, words = verified(tmp_path)
    assert code is Exit.USAGE
    assert "holds no evidence" in words


def test_a_packed_folder_verifies_as_well(signed, public, tmp_path):
    files.pack(signed, tmp_path / "e.zip")
    assert verified(tmp_path / "e.zip", "--key", public) == (Exit.OK, f"as it was recorded, {SIGNED}\n")


def test_the_machines_own_key_is_made_once_and_only_its_owner_can_read_it(tmp_path, monkeypatch):
    monkeypatch.setenv("VLAB_STATE", str(tmp_path / "state"))
    key = seal.own_key()
    assert key.private_bytes_raw() == seal.own_key().private_bytes_raw()
    folder = tmp_path / "state" / "keys"
    assert stat.S_IMODE((folder / "vlab.key").stat().st_mode) == 0o600
    assert {p.name for p in folder.iterdir()} == {"vlab.key", "vlab.pub"}
    assert seal.public_key(folder / "vlab.pub") == key.public_key()


def test_what_is_no_key_is_refused(tmp_path):
    (tmp_path / "x").write_text("nothing")
    for read in (seal.private_key, seal.public_key):
        with pytest.raises(LabError, match="holds no Ed25519"):
            read(tmp_path / "x")
        with pytest.raises(LabError, match="cannot read the key"):
            read(tmp_path / "nobody")
