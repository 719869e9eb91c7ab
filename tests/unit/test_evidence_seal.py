"""The seal: one changed byte anywhere is found and named."""

import stat
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from vlab.errors import LabError
from vlab.evidence import Collected, Header, load, seal, write

KEY = Ed25519PrivateKey.generate()
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
    import shutil

    return shutil.copytree(pristine, tmp_path / "e")


def verify(folder):
    return seal.verify(folder, KEY.public_key())


def test_what_was_not_touched_verifies_and_loads(signed):
    assert verify(signed) == ()
    assert load(signed).logs == {"a--vllm.log": "hello\n"}


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_one_changed_byte_anywhere_is_found(pristine, data):
    file = data.draw(st.sampled_from(sorted(p for p in pristine.rglob("*") if p.is_file())))
    before = file.read_bytes()
    position = data.draw(st.integers(0, len(before) - 1))
    other = data.draw(st.integers(1, 255)) ^ before[position]
    try:
        file.write_bytes(before[:position] + bytes([other]) + before[position + 1 :])
        (found,) = verify(pristine)
        assert file.name in found
    finally:
        file.write_bytes(before)


def test_every_kind_of_change_is_named(signed):
    (signed / "events.json").write_text("[ ]\n")
    (signed / "logs" / "b--vllm.log").write_text("new")
    (signed / "answers" / "answer.md").unlink()
    assert verify(signed) == (
        "answers/answer.md was removed",
        "events.json was changed",
        "logs/b--vllm.log was added",
    )


def test_a_link_in_place_of_a_file_is_found(signed, tmp_path):
    other = tmp_path / "other"
    other.write_text((signed / "events.json").read_text())
    (signed / "events.json").unlink()
    (signed / "events.json").symlink_to(other)
    assert verify(signed) == ("events.json was changed",)


@pytest.mark.parametrize("change", [str.upper, str.strip, "{}\n".format, "0{}".format, "x".join])
def test_a_signature_can_be_written_in_one_way_only(signed, change):
    file = signed / seal.SIGNATURE
    file.write_text(change(file.read_text()))
    assert verify(signed) == ("MANIFEST or MANIFEST.sig was changed, or was signed with another key",)


def test_a_manifest_made_anew_without_the_key_is_found(signed):
    (signed / "events.json").write_text("[ ]\n")
    (signed / seal.MANIFEST).write_text(seal.manifest(signed))
    assert verify(signed)


def test_another_key_does_not_do(signed):
    assert seal.verify(signed, Ed25519PrivateKey.generate().public_key())


def test_evidence_without_a_signature_cannot_be_verified(tmp_path):
    write(tmp_path / "e", HEADER, {"events": []})
    with pytest.raises(LabError, match=r"not signed: it has no MANIFEST\.sig"):
        verify(tmp_path / "e")
    with pytest.raises(LabError, match="no MANIFEST"):
        seal.sign(tmp_path, KEY)


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
