"""Runs tools that mount and fork so that even kill -9 of vlab leaves no process and no mount behind."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

_NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
CONTAINED = ("setpriv", "--pdeathsig", "KILL", *(_NAMESPACES if os.geteuid() == 0 else ()))
"""Put before a command. When vlab dies the kernel kills unshare, with it the first process of the new pid
namespace, with it every process in there; the mounts are in a namespace that then has no user left.
The command must not change its user: the kernel then forgets the signal. Who is not root may not make
namespaces, and builds nothing that mounts."""

# $1 is the root; then pairs of folder and mount point up to --; then the command.
_ENTER = """
root=$1; shift
mount --rbind /dev "$root/dev"
mount -t tmpfs -o size=4g tmpfs "$root/dev/shm"
mount -t tmpfs tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
export HOME=/tmp
while [ "$1" != -- ]; do mount --bind "$1" "$root$2"; shift 2; done; shift
exec chroot "$root" "$@"
"""


def inside(root: Path, binds: Mapping[str, Path], command: Sequence[str | Path]) -> list[str]:
    """The contained command that runs `command` with `root` as /.

    It has /dev, /dev/shm, /proc and an empty /tmp, which is its home too, so that `root` is left as it is.
    `binds` maps absolute paths in there, which must exist, to the folders to be seen at them.
    """
    pairs = [word for point, folder in binds.items() for word in (str(folder), point)]
    return [*CONTAINED, "sh", "-ec", _ENTER, "sh", str(root), *pairs, "--", *map(str, command)]
