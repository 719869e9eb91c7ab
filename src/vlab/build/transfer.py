"""The finished images in one file, for machines without a network: a zip file with one tar a part, and a manifest.

A part is a finished folder of the cache, whose name says what it was made from. It is compressed as far as it costs
little; its digest is over what is packed in it, so that a damaged part is known by name.
"""

import errno
import fcntl
import hashlib
import os
import platform
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, Literal, cast

import pydantic

from vlab import __version__, disk, ui
from vlab.build import trees
from vlab.build.pipeline import remove
from vlab.build.targets import sweep
from vlab.errors import Exit, LabError
from vlab.locks import locked

_MANIFEST = "manifest.json"
_MANIFEST_BYTES = 1 << 20
_EASY = 1
"""Deflate's level: 6.4 GB of images become 3.3 GB in 80 s of one core, and fit where files end at 4 GB. zstd packs
better and faster, but Python has it from 3.14 only, and where no network is, a file must need nothing more to be read.
"""
_AGAIN = "copy it once more from the machine that made it, or export it there again; parts that are here stay"


class Part(pydantic.BaseModel):
    """A finished folder of the cache."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    name: str
    """store/c9a441678850: its step, and the key of all that it was made from."""
    sha256: str
    """Of its tar."""
    bytes: int = pydantic.Field(ge=0)
    """Of its tar."""
    disk: int = pydantic.Field(ge=0)
    """What it takes on the disk, in bytes."""
    entries: int


class Manifest(pydantic.BaseModel):
    """What a file holds."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    vlab: str
    architecture: str
    """As `uname -m` says it."""
    parts: tuple[Part, ...]

    @property
    def sha256(self) -> str:
        """One digest for all parts."""
        lines = [f"{part.sha256}  {part.name}\n" for part in sorted(self.parts, key=lambda p: p.name)]
        return hashlib.sha256("".join(lines).encode()).hexdigest()


@dataclass(frozen=True)
class Imported:
    """What came of an import: names of parts."""

    manifest: Manifest
    new: tuple[str, ...]
    there: tuple[str, ...]


class _Damaged(Exception):
    """Why a part is not as it was."""


class _Counted:
    """Counts and digests what goes through it, one way or the other."""

    def __init__(self, stream: IO[bytes], note: Callable[[int], None], most: int | None = None) -> None:
        self._stream = stream
        self._note = note
        self._most = most
        self._sha256 = hashlib.sha256()
        self.count = 0

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    def write(self, piece: bytes) -> int:
        self._seen(piece)
        return self._stream.write(piece)

    def read(self, size: int = -1) -> bytes:
        piece = self._stream.read(size)
        self._seen(piece)
        return piece

    def _seen(self, piece: bytes) -> None:
        self._sha256.update(piece)
        self.count += len(piece)
        if self._most is not None and self.count > self._most:
            raise _Damaged("it holds more than it says")
        self._note(self.count)


def export_parts(root: Path, names: Sequence[str], file: Path, steps: ui.Steps) -> Manifest:
    """Write parts of the cache at `root` into a new file, which has its name only when it is whole.

    Raises:
        LabError: the file is there already, cannot be written, or a part is not built.
    """
    if file.exists() or not file.parent.is_dir():
        words = "is there already" if file.exists() else "cannot be made: its folder is not there"
        raise LabError(f"{file} {words}", "name a new file in a folder that is there")
    for name in names:
        if not (root / name).is_dir():
            raise LabError(f"{name} is not built yet", "`vlab up --provider kind-built` builds all that is needed")
    partial = file.with_name(f".{file.name}.partial")
    with _written(partial, file) as raw:
        with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED, compresslevel=_EASY) as archive:
            parts = [_packed(archive, root, name, steps) for name in names]
            manifest = Manifest(vlab=__version__, architecture=platform.machine(), parts=tuple(parts))
            archive.writestr(_MANIFEST, manifest.model_dump_json(indent=1))
        with steps.step("Wait for the disk"):
            raw.flush()
            os.fsync(raw.fileno())
        partial.rename(file)
    return manifest


@contextmanager
def _written(partial: Path, file: Path) -> Iterator[IO[bytes]]:
    """The file under its temporary name, gone after the block if that has not renamed it."""
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(partial, flags, 0o666), "r+b") as raw:
            fcntl.flock(raw, fcntl.LOCK_EX | fcntl.LOCK_NB)
            raw.truncate(0)  # what is left of one that was killed
            try:
                yield raw
            finally:
                with suppress(OSError):
                    partial.unlink(missing_ok=True)
    except OSError as e:
        hint = "name a file in another folder"
        if isinstance(e, BlockingIOError):
            raise LabError(f"another vlab is writing {file}", "wait for it, or name another file") from None
        if e.errno == errno.EFBIG:
            raise LabError(f"the file system of {file} takes no file as large as that", hint, Exit.MACHINE) from e
        if e.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise LabError(f"{file} cannot be written: {e.strerror}", hint, Exit.MACHINE) from e
        raise  # a full disk has words of its own


def _packed(archive: zipfile.ZipFile, root: Path, name: str, steps: ui.Steps) -> Part:
    takes = disk.taken(root / name)
    with steps.step(f"Pack {name}") as line, archive.open(f"{name}.tar", "w", force_zip64=True) as sink:
        counted = _Counted(sink, _noted(line, takes))
        try:
            entries = trees.pack(root / name, cast(BinaryIO, counted))
        except FileNotFoundError:  # no lock is held: parts never change, and who brings a lab up need not wait
            hint = "`vlab up` builds it again; then export once more"
            raise LabError(f"{name} was removed while it was packed", hint, Exit.BUILD) from None
        except trees.Strange as e:
            hint = "remove it from the cache, and `vlab up` builds it again"
            raise LabError(f"{name} cannot be packed: {e}", hint, Exit.BUILD) from e
    return Part(name=name, sha256=counted.sha256, bytes=counted.count, disk=takes, entries=entries)


def import_parts(root: Path, names: Sequence[str], file: Path, steps: ui.Steps, sha256: str | None = None) -> Imported:
    """Put the parts that this vlab needs and that are not there yet into the cache at `root`, each when it is whole.

    Args:
        names: the parts that this vlab needs.
        sha256: of the manifest, as the export said it; whatever the file says if not given.

    Raises:
        LabError: the file is none, is of another vlab or architecture, is damaged, or there is no room.
    """
    with _opened(file) as archive:
        manifest = _manifest(archive, file)
        _refuse_other(manifest, names, file, sha256)
        with locked(root, "building images"):
            sweep(root)  # whoever only imports never builds, which would sweep too
            missing = [p for p in manifest.parts if p.name in names and not (root / p.name).is_dir()]
            _refuse_full(root, sum(max(p.disk, p.bytes) for p in missing))
            for part in missing:
                with steps.step(f"Unpack {part.name}") as line:
                    _unpacked(archive, part, root, line, file)
    new = tuple(p.name for p in missing)
    return Imported(manifest, new, tuple(n for n in names if n not in new))


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(file)
    except OSError as e:
        raise LabError(f"{file} cannot be read: {e.strerror}", "name a file that `vlab cache export` wrote") from None
    except zipfile.BadZipFile:
        raise LabError(f"{file} is no exported cache, or was cut off", _AGAIN) from None
    with archive:
        yield archive


def _manifest(archive: zipfile.ZipFile, file: Path) -> Manifest:
    try:
        with archive.open(_MANIFEST) as source:
            raw = source.read(_MANIFEST_BYTES)
        return Manifest.model_validate_json(raw)
    except (KeyError, pydantic.ValidationError):
        raise LabError(f"{file} has no manifest that this vlab reads", "export it with the same vlab") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        raise LabError(f"{file} is damaged in its manifest", _AGAIN) from None


def _refuse_other(manifest: Manifest, names: Sequence[str], file: Path, sha256: str | None) -> None:
    here = platform.machine()
    if manifest.architecture != here:
        raise LabError(
            f"{file} is for {manifest.architecture}, and this machine is {here}",
            f"export one on a machine that is {here}",
            Exit.MACHINE,
        )
    has = {part.name for part in manifest.parts}
    if other := [name for name in names if name not in has]:
        raise LabError(
            f"{file} was made by another vlab ({manifest.vlab}; here {__version__}): it has no {other[0]}",
            "use the same vlab, with the same pins, on both machines",
        )
    if len(has) < len(manifest.parts):
        raise LabError(f"{file} names a part twice", _AGAIN)
    if sha256 is not None and sha256.lower() != manifest.sha256:
        raise LabError(f"{file} is another one: its digest is {manifest.sha256}", "compare with what the export said")


def _refuse_full(root: Path, need: int) -> None:
    free = shutil.disk_usage(root).free
    if free < need:
        raise LabError(
            f"{free / 1e9:.1f} GB are free at {root}; what is missing takes {need / 1e9:.1f} GB",
            "free some space, or set VLAB_CACHE to a folder on a larger disk",
            Exit.MACHINE,
        )


def _unpacked(archive: zipfile.ZipFile, part: Part, root: Path, line: ui.Step, file: Path) -> None:
    """Make a part's folder, or nothing."""
    final = root / part.name
    partial = final.with_name(f"{final.name}.partial")  # `sweep` knows it by this name
    partial.parent.mkdir(parents=True, exist_ok=True)
    try:
        with archive.open(f"{part.name}.tar") as source:
            counted = _Counted(source, _noted(line, part.bytes), part.bytes)
            trees.unpack(cast(BinaryIO, counted), partial)
            while counted.read(1 << 20):
                pass  # the blocks after tar's end, which belong to the digest
        if (counted.count, counted.sha256) != (part.bytes, part.sha256):
            raise _Damaged("its digest is another one")
        partial.rename(final)
    except (_Damaged, trees.Strange, tarfile.TarError, zipfile.BadZipFile, zlib.error) as e:
        raise _damaged(file, part, str(e)) from None
    except (KeyError, EOFError, ValueError, OverflowError, NotImplementedError, RuntimeError) as e:
        raise _damaged(file, part, f"{type(e).__name__}: {e}") from None
    except PermissionError as e:
        hint = "run as root, on a file system that keeps owners, devices and extended attributes"
        raise LabError(f"{part.name} cannot be unpacked: {e.strerror}", hint, Exit.MACHINE) from e
    finally:
        remove(partial)


def _damaged(file: Path, part: Part, why: str) -> LabError:
    return LabError(f"{file} is damaged in its part {part.name}: {why}", _AGAIN)


def _noted(line: ui.Step, whole: int) -> Callable[[int], None]:
    """Says in a step's line how much is done, at each tenth of a gigabyte."""
    said = -1

    def note(count: int) -> None:
        nonlocal said
        if count // 10**8 > said:
            said = count // 10**8
            line.note(f"{count / 1e9:.1f} of {whole / 1e9:.1f} GB")

    return note
