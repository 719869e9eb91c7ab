"""Root file systems as a stream and back: owners, modes, hard links, devices, extended attributes, exact times.

What is unpacked may come from anybody. Every entry's parent must be a folder of the same stream, and no name comes
twice: so no link is ever followed, and nothing lands outside of the folder.
"""

import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_XATTR = "SCHILY.xattr."
"""How tar and libarchive call them in their headers too."""
_CHUNK = 1 << 20
_ROOT = "."


class Strange(ValueError):
    """A stream that `pack` never makes, in words."""


def pack(folder: Path, sink: BinaryIO) -> int:
    """Write a folder, itself included, and return the number of entries.

    Raises:
        Strange: something in it is neither a file, a folder, a link, a device nor a pipe.
    """
    count = 0
    with tarfile.open(fileobj=sink, mode="w|", format=tarfile.PAX_FORMAT, bufsize=_CHUNK) as tar:
        tar.copybufsize = _CHUNK  # type: ignore[attr-defined]
        for path in _walk(folder):
            name = path.relative_to(folder).as_posix()
            member = tar.gettarinfo(path, name)
            if member is None:
                raise Strange(f"{path} is a socket")
            status = path.lstat()
            member.uname = member.gname = ""
            seconds, rest = divmod(status.st_mtime_ns, 10**9)
            member.pax_headers = {"mtime": f"{seconds}.{rest:09d}", **_xattrs(path)}
            if member.isreg():
                with path.open("rb") as source:
                    tar.addfile(member, source)
            else:
                tar.addfile(member)
            tar.members = []  # type: ignore[attr-defined]  # tens of thousands, which nobody asks for again
            count += 1
    return count


def _walk(folder: Path) -> Iterator[Path]:
    """The folder and all in it; a folder comes before what it holds."""
    yield folder
    with os.scandir(folder) as entries:
        inside = sorted(entries, key=lambda e: e.name)
    for entry in inside:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        else:
            yield Path(entry.path)


def _xattrs(path: Path) -> dict[str, str]:
    names = os.listxattr(path, follow_symlinks=False)
    return {_XATTR + n: os.getxattr(path, n, follow_symlinks=False).decode(errors="surrogateescape") for n in names}


def unpack(source: BinaryIO, folder: Path) -> None:
    """Make the new `folder` of a stream that `pack` wrote.

    Raises:
        Strange: the stream is none that `pack` writes; what was made of it until then is left.
        tarfile.TarError: it is damaged.
        OSError: something cannot be written, or only root may.
    """
    folders: dict[str, tarfile.TarInfo] = {}
    files: set[str] = set()
    seen: set[str] = set()
    with tarfile.open(fileobj=source, mode="r|", bufsize=_CHUNK, encoding="utf-8", errors="surrogateescape") as tar:
        while (member := tar.next()) is not None:
            tar.members = []  # type: ignore[attr-defined]
            name = _checked(member, folders, seen)
            path = folder if name == _ROOT else folder / name
            if member.isdir():
                path.mkdir(mode=0o700)
                folders[name] = member
            elif member.islnk():
                if member.linkname not in files:
                    raise Strange(f"{name!r} is linked to what is no file before it")
                os.link(folder / member.linkname, path, follow_symlinks=False)
            else:
                _make(tar, member, path)
                _dress(path, member)
                if member.isreg():
                    files.add(name)
    for name, member in folders.items():  # their times change while they are filled
        _dress(folder / name, member)


def _checked(member: tarfile.TarInfo, folders: dict[str, tarfile.TarInfo], seen: set[str]) -> str:
    """The member's name, if it may be made."""
    name = member.name
    parent, _, last = name.rpartition("/")
    if not seen:
        if name != _ROOT or not member.isdir():
            raise Strange(f"begins with {name!r}, not with its folder")
    elif last in ("", ".", "..") or "\0" in name or (parent or _ROOT) not in folders:
        raise Strange(f"{name!r} lies in no folder of it")
    if name in seen:
        raise Strange(f"{name!r} is there twice")
    seen.add(name)
    return name


def _make(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    """A file, symbolic link, pipe or device, of which nobody else can make use yet."""
    if member.isreg() and not member.issparse():
        content = tar.extractfile(member)
        assert content is not None  # noqa: S101 - it is a file
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as sink:
            while piece := content.read(_CHUNK):
                sink.write(piece)
            if sink.tell() != member.size:
                raise Strange(f"{member.name!r} is cut off")
    elif member.issym():
        path.symlink_to(member.linkname)
    elif member.isfifo():
        os.mkfifo(path, 0o600)
    elif member.isdev():
        kind = stat.S_IFCHR if member.ischr() else stat.S_IFBLK
        os.mknod(path, 0o600 | kind, os.makedev(member.devmajor, member.devminor))
    else:
        raise Strange(f"{member.name!r} is of a kind that is not used here")


def _dress(path: Path, member: tarfile.TarInfo) -> None:
    """Owner, mode, extended attributes, time: in this order, as each takes something of the next one's away."""
    status = path.lstat()
    if (status.st_uid, status.st_gid) != (member.uid, member.gid):
        os.chown(path, member.uid, member.gid, follow_symlinks=False)
    if not member.issym():
        path.chmod(member.mode & 0o7777)
    for name, value in member.pax_headers.items():
        if name.startswith(_XATTR):
            raw = value.encode(errors="surrogateescape")
            os.setxattr(path, name.removeprefix(_XATTR), raw, follow_symlinks=False)
    seconds, _, rest = member.pax_headers.get("mtime", "0").partition(".")
    when = int(seconds) * 10**9 + int(f"{rest:0<9.9}")
    os.utime(path, ns=(when, when), follow_symlinks=False)
