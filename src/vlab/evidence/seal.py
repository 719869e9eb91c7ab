"""Proves that evidence is as it was recorded: a MANIFEST of every file's sha256, signed with Ed25519."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vlab.errors import Exit, LabError
from vlab.evidence.files import MANIFEST, SIGNATURE, Contents, read

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    from vlab.evidence.store import Evidence

_PRIVATE, _PUBLIC = "vlab.key", "vlab.pub"


@dataclass(frozen=True)
class State:
    """What the seal of evidence says about it."""

    kind: Literal["signed", "unsigned", "changed"]
    key: str = ""
    """The public key that signed it, in hexadecimal digits; whose it is, the evidence cannot say."""
    changed: tuple[str, ...] = ()
    """The files that are not as the MANIFEST has them: changed, added or removed."""

    def __str__(self) -> str:
        """As reports say it: 'signed by KEYID', 'unsigned', 'changed: FILE'."""
        if self.kind == "signed":
            return f"signed by {key_id(self.key)}"
        return "unsigned" if self.kind == "unsigned" else f"changed: {self.changed[0]}"


def key_id(key: str) -> str:
    """The short name of a public key that is given in hexadecimal digits."""
    return hashlib.sha256(bytes.fromhex(key)).hexdigest()[:16]


def manifest(files: Mapping[str, bytes]) -> str:
    """The lines of a MANIFEST for what there is now."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(_digests(files).items()))


def _digests(files: Mapping[str, bytes]) -> dict[str, str]:
    return {n: hashlib.sha256(raw).hexdigest() for n, raw in files.items() if n not in (MANIFEST, SIGNATURE)}


def close(folder: Path, key: "Ed25519PrivateKey | None" = None) -> None:
    """Write the MANIFEST of a folder, and sign it if there is a key."""
    (folder / SIGNATURE).unlink(missing_ok=True)
    raw = manifest(read(folder).files).encode()
    (folder / MANIFEST).write_bytes(raw)
    if key is not None:
        public = key.public_key().public_bytes_raw().hex()
        (folder / SIGNATURE).write_bytes(_signature(public, key.sign(raw).hex()))


def _signature(key: str, signature: str) -> bytes:
    """The one way to write it: no byte can differ unseen."""
    return f"{json.dumps({'version': 1, 'key': key, 'signature': signature})}\n".encode()


def state(contents: Contents) -> State:
    """What the seal says about files that were read; the MANIFEST is made anew and compared."""
    kept, signature = contents.files.get(MANIFEST), contents.files.get(SIGNATURE)
    if kept is None:
        return State("unsigned") if signature is None else State("changed", changed=(MANIFEST,))
    differing = _differing(kept, contents)
    key = None if signature is None else _signed_by(kept, signature)
    if signature is not None and key is None:
        return State("changed", changed=(MANIFEST if differing else SIGNATURE,))
    if differing:
        return State("changed", changed=differing)
    return State("unsigned") if key is None else State("signed", key)


def _differing(kept: bytes, contents: Contents) -> tuple[str, ...]:
    now = _digests(contents.files)
    if kept == manifest(contents.files).encode() and not contents.stray:
        return ()
    lines = (line.partition("  ") for line in kept.decode(errors="replace").splitlines())
    then = {name: digest for digest, _, name in lines}
    names = {n for n in then.keys() | now.keys() if then.get(n) != now.get(n)}
    return tuple(sorted({*names, *contents.stray})) or (MANIFEST,)


def _signed_by(manifest: bytes, signature: bytes) -> str | None:
    """The public key whose signature this is; None if it is none."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        said = json.loads(signature)
        key, made = said["key"], said["signature"]
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(made), manifest)
    except (ValueError, LookupError, TypeError, RecursionError, InvalidSignature):
        return None
    return key if signature == _signature(bytes.fromhex(key).hex(), bytes.fromhex(made).hex()) else None


def require(evidence: "Evidence", key: Path | None = None) -> None:
    """Refuse evidence that is not signed by a trusted key.

    Args:
        key: the file of the public key that is trusted; this machine's own if it is None.

    Raises:
        LabError: it is unsigned, changed, or signed by somebody else.
    """
    if evidence.seal.kind != "signed":
        hint = "only evidence that `vlab grade` recorded and nobody changed is signed"
        raise LabError(f"{evidence.path} is {evidence.seal}", hint, Exit.USAGE)
    if not is_trusted(evidence.seal, key):
        words = "the key that was named" if key is not None else "this machine's key"
        hint = f"if you trust who recorded it, name their {_PUBLIC} with --key"
        raise LabError(f"{evidence.path} is {evidence.seal}, which is not {words}", hint, Exit.USAGE)


def is_trusted(state: State, key: Path | None = None) -> bool:
    """Whether evidence is signed by the key in a file, or by this machine's own; no key is made for it."""
    trusted = _own_public() if key is None else public_key(key)
    return state.kind == "signed" and trusted is not None and trusted.public_bytes_raw().hex() == state.key


def _own_public() -> "Ed25519PublicKey | None":
    file = _keys() / _PRIVATE
    return private_key(file).public_key() if file.is_file() else None


def _keys() -> Path:
    from vlab import paths

    return paths.state() / "keys"


def own_key() -> "Ed25519PrivateKey":
    """The key of this machine."""
    return private_key(own_key_file())


def own_key_file() -> Path:
    """Where the key of this machine is, made when it is first asked for; only its owner can read it."""
    folder = _keys()
    if not (folder / _PRIVATE).is_file():
        make_key(folder)
    return folder / _PRIVATE


def make_key(folder: Path) -> None:
    """Make a pair of keys in a folder: vlab.key (mode 0600) and vlab.pub, both PEM. Of two at once, one stays."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    new = folder / f".{_PRIVATE}.{os.getpid()}"
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(private)
    try:
        os.link(new, folder / _PRIVATE)
    except FileExistsError:
        return
    finally:
        new.unlink()
    public = key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    (folder / _PUBLIC).write_bytes(public)


def private_key(file: Path) -> "Ed25519PrivateKey":
    """The private key in a PEM file.

    Raises:
        LabError: there is none of this kind.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(_read(file), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise LabError(f"{file} holds no Ed25519 private key", "name a file that vlab made")
    return key


def public_key(file: Path) -> "Ed25519PublicKey":
    """The public key in a PEM file.

    Raises:
        LabError: there is none of this kind.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(_read(file))
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise LabError(f"{file} holds no Ed25519 public key", f"name the {_PUBLIC} of the machine that recorded")
    return key


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as e:
        raise LabError(f"cannot read the key {file}: {e.strerror}", "name the file of a key", Exit.USAGE) from None
