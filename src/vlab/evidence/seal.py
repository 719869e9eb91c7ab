"""Proves that evidence is as it was recorded: a MANIFEST of every file's sha256, signed with Ed25519."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from vlab import paths
from vlab.errors import Exit, LabError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MANIFEST = "MANIFEST"
"""One line a file, sorted by name, as `sha256sum --check` reads it."""
SIGNATURE = "MANIFEST.sig"
"""The Ed25519 signature of the MANIFEST's bytes: 128 hexadecimal digits and a newline."""

_PRIVATE, _PUBLIC = "vlab.key", "vlab.pub"


def close(folder: Path, key: "Ed25519PrivateKey | None" = None) -> None:
    """Write the MANIFEST of a folder, and sign it if there is a key."""
    (folder / SIGNATURE).unlink(missing_ok=True)
    (folder / MANIFEST).write_text(manifest(folder))
    if key is not None:
        sign(folder, key)


def sign(folder: Path, key: "Ed25519PrivateKey") -> None:
    """Sign the MANIFEST that is there.

    Raises:
        LabError: there is none.
    """
    try:
        signature = key.sign((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        raise LabError(f"{folder} has no {MANIFEST}", "name a folder that `vlab grade` wrote") from None
    (folder / SIGNATURE).write_text(signature.hex() + "\n")


def manifest(folder: Path) -> str:
    """The lines of a MANIFEST for what the folder holds now."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(_digests(folder).items()))


def verify(folder: Path, key: "Ed25519PublicKey") -> tuple[str, ...]:
    """What is not as it was signed, each in a few words that name the file; empty if everything is.

    Raises:
        LabError: the folder has no MANIFEST or no signature, so nothing can be said.
    """
    raw, signature = _sealed(folder)
    if not _is_signed(raw, signature, key):
        return (f"{MANIFEST} or {SIGNATURE} was changed, or was signed with another key",)
    then = dict(_entry(line) for line in raw.decode().splitlines())
    now = _digests(folder)
    changes = {
        **dict.fromkeys(now.keys() - then.keys(), "added"),
        **dict.fromkeys(then.keys() - now.keys(), "removed"),
        **{name: "changed" for name in then.keys() & now.keys() if then[name] != now[name]},
    }
    return tuple(f"{name} was {change}" for name, change in sorted(changes.items()))


def _sealed(folder: Path) -> tuple[bytes, bytes]:
    try:
        return (folder / MANIFEST).read_bytes(), (folder / SIGNATURE).read_bytes()
    except OSError as e:
        raise LabError(
            f"{folder} is not signed: it has no {Path(e.filename).name}",
            "evidence is signed when `vlab grade` records it; what came without a signature cannot be verified",
        ) from None


def _is_signed(raw: bytes, signature: bytes, key: "Ed25519PublicKey") -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        plain = bytes.fromhex(signature.decode("ascii"))
        key.verify(plain, raw)
    except (ValueError, InvalidSignature):
        return False
    return signature == f"{plain.hex()}\n".encode()  # one way to write it: no byte can differ unseen


def _entry(line: str) -> tuple[str, str]:
    digest, _, name = line.partition("  ")
    return name, digest


def _digests(folder: Path) -> dict[str, str]:
    return {str(name): _digest(folder / name) for name in files(folder) if name.name not in (MANIFEST, SIGNATURE)}


def files(folder: Path) -> Iterator[Path]:
    """Everything in the folder but plain folders, by its path in it."""
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_dir():
            yield path.relative_to(folder)


def _digest(file: Path) -> str:
    """sha256 of a file, read in pieces; of a link where it leads, which no file can equal."""
    if file.is_symlink():
        return f"link to {file.readlink()}"
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def own_key() -> "Ed25519PrivateKey":
    """The key of this machine, made when it is first asked for; only its owner can read it."""
    folder = paths.state() / "keys"
    if not (folder / _PRIVATE).is_file():
        make_key(folder)
    return private_key(folder / _PRIVATE)


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
