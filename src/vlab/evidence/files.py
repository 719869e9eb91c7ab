"""Reads evidence that anybody may have made, as a folder or a zip file: regular files of known names, not too large."""

import io
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from vlab.errors import LabError
from vlab.evidence.models import PARTS

HEADER = "evidence.json"
MANIFEST = "MANIFEST"
"""One line a file, sorted by name, as `sha256sum --check` reads it."""
SIGNATURE = "MANIFEST.sig"

LOG_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*--[A-Za-z0-9.-]+\.log")
ANSWER_NAME = re.compile(r"[^./\x00-\x1f\ud800-\udfff][^/\x00-\x1f\ud800-\udfff]*\.md")

MAX_FILES = 500
MAX_BYTES = 256 << 20
"""Of all files of a folder together."""
MAX_PACKED_BYTES = 64 << 20
"""Of all that a zip file holds, unpacked."""
MAX_TEXTS = 240
"""Files of logs/, and as many of answers/."""
ANSWER_BYTES = 1 << 20

_TEXTS = {"logs": (LOG_NAME, 2 << 20), "answers": (ANSWER_NAME, ANSWER_BYTES)}
"""By folder: how its files may be called, and how large each may be."""
_LIMITS = {
    **{part.file: part.limit for part in PARTS.values()},
    HEADER: 16 << 20,
    MANIFEST: 1 << 20,
    SIGNATURE: 1 << 16,
}


class Refused(LabError):
    """A file that is not read, whatever is in it."""

    def __init__(self, file: str, words: str) -> None:
        super().__init__(f"{file} {words}", "evidence is regular files as `vlab grade` wrote them; remove what is not")
        self.file = file
        self.words = words


@dataclass(frozen=True)
class Contents:
    """What a folder or a zip file of evidence holds."""

    files: Mapping[str, bytes]
    """By name: evidence.json, logs/POD--CONTAINER.log ..."""
    stray: tuple[str, ...] = ()
    """Names of what is there besides and is no evidence; never read."""


def limit(name: str) -> int | None:
    """How large a file of evidence may be, in bytes; None if no file is called so."""
    if name in _LIMITS:
        return _LIMITS[name]
    folder, _, file = name.partition("/")
    pattern, most = _TEXTS.get(folder, (None, None))
    return most if pattern is not None and pattern.fullmatch(file) else None


def read(path: Path) -> Contents:
    """What lies in a folder or in a zip file that `pack` made.

    Raises:
        Refused: a file is a link, a device or the like, or is too large, or there are too many.
        LabError: it is neither a folder nor a zip file.
    """
    return _read_folder(path) if path.is_dir() else _read_zip(path)


def _read_folder(folder: Path) -> Contents:
    files: dict[str, bytes] = {}
    stray: list[str] = []
    left = MAX_BYTES
    for number, name in enumerate(_names(folder)):
        if number >= MAX_FILES:
            raise Refused(str(folder), f"holds more than {MAX_FILES} files")
        most = limit(name)
        if most is None:
            stray.append(shown(name))
        else:
            files[name] = read_regular(folder / name, min(most, left), name)
            left -= len(files[name])
    return Contents(files, tuple(sorted(stray)))


def _names(folder: Path) -> Iterator[str]:
    """Everything in a folder and in its logs/ and answers/, by its path in it; no link is followed."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in _TEXTS and entry.is_dir(follow_symlinks=False):
                with os.scandir(entry.path) as inside:
                    yield from (f"{entry.name}/{each.name}" for each in inside)
            elif entry.is_dir(follow_symlinks=False):
                yield f"{entry.name}/"
            else:
                yield entry.name


def read_regular(file: Path, most: int, name: str = "") -> bytes:
    """The bytes of a regular file.

    Raises:
        Refused: it is none, or larger than `most` bytes.
    """
    name = name or str(file)
    try:
        if not stat.S_ISREG(os.lstat(file).st_mode):  # a device may do something when it is opened
            raise Refused(name, "is no regular file")
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as source:
            found = os.fstat(source.fileno())
            if not stat.S_ISREG(found.st_mode):  # it was changed in between
                raise Refused(name, "is no regular file")
            content = source.read(min(most, found.st_size) + 1)  # it may grow; as much memory is taken as asked for
    except OSError as e:
        raise Refused(name, f"cannot be read: {e.strerror}") from None
    if len(content) > most:
        raise Refused(name, f"is larger than {_size(most)}")
    return content


def _read_zip(file: Path) -> Contents:
    if not os.path.lexists(file):
        raise no_evidence(file)
    raw = read_regular(file.resolve(), MAX_PACKED_BYTES)
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return _unpacked(archive)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error):
        raise no_evidence(file) from None


def _unpacked(archive: zipfile.ZipFile) -> Contents:
    """Nothing is written anywhere, so that a name leads nowhere; sizes are counted, not believed."""
    files: dict[str, bytes] = {}
    stray: list[str] = []
    total = 0
    entries = archive.infolist()
    if len(entries) > MAX_FILES:
        raise Refused(archive.filename or "the zip file", f"holds more than {MAX_FILES} files")
    for entry in entries:
        name = entry.filename
        most = limit(name)
        if most is None:
            stray.append(shown(name))
            continue
        if name in files or entry.flag_bits & 1 or stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
            raise Refused(name, "is no regular file, or is there twice")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Refused(name, "is compressed in a way that is not used here")
        with archive.open(entry) as source:
            content = source.read(most + 1)
        total += len(content)
        if len(content) > most or total > MAX_PACKED_BYTES:
            raise Refused(name, f"is larger than {_size(min(most, MAX_PACKED_BYTES))}, or all together are")
        files[name] = content
    return Contents(files, tuple(sorted(stray)))


def pack(folder: Path, file: Path) -> None:
    """Put a folder of evidence into a zip file; equal evidence makes equal bytes.

    Raises:
        Refused: it is not what `read` reads.
    """
    write_zip(_read_folder(folder).files, file)


def write_zip(files: Mapping[str, bytes], file: Path) -> None:
    """Put files into a zip file; equal ones make equal bytes.

    Raises:
        Refused: all together are too large to be read again.
    """
    if sum(map(len, files.values())) > MAX_PACKED_BYTES:
        raise Refused(str(file), f"would hold more than {_size(MAX_PACKED_BYTES)}")
    new = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name, content in sorted(files.items()):
                entry = zipfile.ZipInfo(name)  # of 1980, its default
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.create_system = 3
                entry.external_attr = (stat.S_IFREG | 0o644) << 16
                archive.writestr(entry, content)
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def read_answers(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """What a learner wrote.

    Returns:
        The texts of regular files called *.md by name, and why others of that ending are left out.
    """
    texts: dict[str, str] = {}
    refused: dict[str, str] = {}
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        if file.suffix != ".md":
            continue
        if len(texts) + len(refused) >= MAX_TEXTS:
            refused[shown(file.name)] = f"is one of more than {MAX_TEXTS}"
            break
        try:
            if not ANSWER_NAME.fullmatch(file.name):
                raise Refused(file.name, "is hidden, or called as no answer can be")
            texts[file.name] = read_regular(file, ANSWER_BYTES, file.name).decode(errors="replace")
        except Refused as e:
            refused[shown(file.name)] = e.words
    return texts, refused


def shown(name: str) -> str:
    """A file's name, fit to be printed and kept: not endless, and no bytes that are no text."""
    return os.fsencode(name[:200]).decode(errors="backslashreplace")


def no_evidence(path: Path) -> LabError:
    """That there is none at a path."""
    return LabError(f"{path} holds no evidence", "name a folder that `vlab grade` wrote, or a zip file of one")


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count >> 10} KiB"
