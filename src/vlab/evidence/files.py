"""Reads what anybody may have made, as a folder or a zip file: regular files of known names, not too large."""

import io
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
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

_CENTRAL = b"PK\x01\x02"
"""With this each entry of a zip file's directory begins."""


class Refused(LabError):
    """A file that is not read, whatever is in it."""

    def __init__(
        self,
        file: str,
        words: str,
        hint: str = "evidence is regular files as `vlab grade` wrote them; remove what is not",
    ) -> None:
        super().__init__(f"{file} {words}", hint)
        self.file = file
        self.words = words


@dataclass(frozen=True)
class Contents:
    """What a folder or a zip file of evidence holds."""

    files: Mapping[str, bytes]
    """By name: evidence.json, logs/POD--CONTAINER.log ..."""
    stray: tuple[str, ...] = ()
    """Names of what is there besides and is no evidence; never read."""


@dataclass(frozen=True)
class Layout:
    """What a folder or a zip file of one kind may hold."""

    limit: Callable[[str], int | None]
    """How large a file may be, by its name; None if no file is called so."""
    folders: frozenset[str]
    """Those in which files of known names are, by their paths; no other is looked into."""
    what: str
    """How it is called in a message."""
    hint: str
    """On a path that holds none."""
    max_files: int = MAX_FILES
    max_bytes: int = MAX_BYTES
    """Of all files of a folder together; of a zip file it is MAX_PACKED_BYTES."""

    def none_at(self, path: Path) -> LabError:
        """That there is none at a path."""
        return LabError(f"{path} holds no {self.what}", self.hint)


def limit(name: str) -> int | None:
    """How large a file of evidence may be, in bytes; None if no file is called so."""
    if name in _LIMITS:
        return _LIMITS[name]
    folder, _, file = name.partition("/")
    pattern, most = _TEXTS.get(folder, (None, None))
    return most if pattern is not None and pattern.fullmatch(file) else None


EVIDENCE = Layout(
    limit=limit,
    folders=frozenset(_TEXTS),
    what="evidence",
    hint="name a folder that `vlab grade` wrote, or a zip file of one",
)


def read(path: Path, layout: Layout = EVIDENCE) -> Contents:
    """What lies in a folder or in a zip file that `pack` made.

    Raises:
        Refused: a file is a link, a device or the like, or is too large, or there are too many.
        LabError: it is neither a folder nor a zip file.
    """
    return _read_folder(path, layout) if path.is_dir() else _read_zip(path, layout)


def _read_folder(folder: Path, layout: Layout = EVIDENCE) -> Contents:
    files: dict[str, bytes] = {}
    stray: list[str] = []
    left = layout.max_bytes
    for number, name in enumerate(_names(folder, layout.folders)):
        if number >= layout.max_files:
            raise Refused(str(folder), f"holds more than {layout.max_files} files")
        most = layout.limit(name)
        if most is None:
            stray.append(shown(name))
        else:
            files[name] = read_regular(folder / name, min(most, left), name)
            left -= len(files[name])
    return Contents(files, tuple(sorted(stray)))


def _names(folder: Path, known: frozenset[str], inside: str = "") -> Iterator[str]:
    """Everything in a folder and in its known folders, by its path in it; no link is followed."""
    with os.scandir(folder) as entries:
        for entry in entries:
            name = f"{inside}{entry.name}"
            if not entry.is_dir(follow_symlinks=False):
                yield name
            elif name in known:
                yield from _names(Path(entry.path), known, f"{name}/")
            else:
                yield f"{name}/"


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
        raise Refused(name, f"is larger than {size(most)}")
    return content


def _read_zip(file: Path, layout: Layout) -> Contents:
    if not os.path.lexists(file):
        raise layout.none_at(file)
    raw = read_regular(file.resolve(), MAX_PACKED_BYTES)
    # zipfile makes an object of every entry before any can be counted. Twice: a file's own bytes may look like one.
    if raw.count(_CENTRAL) > 2 * layout.max_files:
        raise Refused(str(file), f"holds more than {layout.max_files} files")
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return _unpacked(archive, layout)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error, struct.error, ValueError):
        raise layout.none_at(file) from None


def _unpacked(archive: zipfile.ZipFile, layout: Layout) -> Contents:
    """Nothing is written anywhere, so that a name leads nowhere; sizes are counted, not believed."""
    files: dict[str, bytes] = {}
    stray: list[str] = []
    total = 0
    entries = archive.infolist()
    if len(entries) > layout.max_files:
        raise Refused(archive.filename or "the zip file", f"holds more than {layout.max_files} files")
    for entry in entries:
        name = entry.filename
        most = layout.limit(name)
        if most is None:
            stray.append(shown(name))
            continue
        if name in files:
            raise Refused(name, "is there twice")
        if entry.flag_bits & 1:
            raise Refused(name, "is encrypted")
        if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
            raise Refused(name, "is no regular file")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Refused(name, "is compressed in a way that is not used here")
        with archive.open(entry) as source:
            content = source.read(most + 1)
        total += len(content)
        if len(content) > most or total > MAX_PACKED_BYTES:
            raise Refused(name, f"is larger than {size(min(most, MAX_PACKED_BYTES))}, or all together are")
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
        raise Refused(str(file), f"would hold more than {size(MAX_PACKED_BYTES)}")
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
    """A file's name, fit to be printed and kept: not endless, all of it text, and nothing that moves a cursor."""
    text = name[:200].encode(errors="surrogateescape").decode(errors="backslashreplace")
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def no_evidence(path: Path) -> LabError:
    """That there is none at a path."""
    return EVIDENCE.none_at(path)


def size(count: int) -> str:
    """'64 MiB', '300 KiB'."""
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count >> 10} KiB"
