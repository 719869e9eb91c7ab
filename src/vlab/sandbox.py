"""Runs somebody's program in a room of its own: it sees system programs, one folder and what it is given, no more."""

import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vlab.errors import Exit, LabError

HOME = "/home/learner"
"""Where the folder is, in the room."""
_SYSTEM = ("/usr", "/etc/ssl", "/etc/ca-certificates", "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf")
_LINKS = ("/bin", "/lib", "/lib32", "/lib64", "/sbin")
_ID = "1000"
_PATH = "/usr/local/bin:/usr/bin:/bin"
_GRACE_S = 5.0
_PIECE = 1 << 16


@dataclass(frozen=True)
class Ended:
    """How a program ended."""

    exit_code: int | None
    """None if its time was up."""
    seconds: float


def program() -> Path:
    """bubblewrap.

    Raises:
        LabError: it is not installed.
    """
    found = shutil.which("bwrap")
    if found is None:
        raise LabError(
            "bubblewrap is not installed, without which a program here would see everything of yours",
            "`apt-get install bubblewrap`, then again",
            Exit.MACHINE,
        )
    return Path(found)


def arguments(
    folder: Path,
    env: Mapping[str, str],
    shown: Mapping[str, Path],
    links: Mapping[str, str],
) -> list[str]:
    """What bubblewrap is to be told for a room.

    Args:
        folder: the program's own, which it may write.
        env: its whole environment besides HOME and PATH.
        shown: what else it may read, by where it is in the room.
        links: of the machine's root: what /bin and the like lead to; those that are folders are shown.
    """
    made = ["--die-with-parent", "--new-session", "--clearenv"]
    made += ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    made += ["--uid", _ID, "--gid", _ID, "--hostname", "lab", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108 - of the room
    for path in _SYSTEM:
        made += ["--ro-bind-try", path, path]
    for path, target in links.items():
        made += ["--symlink", target, path]
    made += ["--tmpfs", "/usr/local"]  # what was installed by hand, vlab and its solutions perhaps among it
    for inside, source in shown.items():
        made += ["--ro-bind", str(source), inside]
    made += ["--bind", str(folder), HOME, "--chdir", HOME]
    for name, value in {"HOME": HOME, "PATH": _PATH, **env}.items():
        made += ["--setenv", name, value]
    return made


def root_links() -> dict[str, str]:
    """What /bin and its like lead to on this machine."""
    return {path: str(Path(path).readlink()) for path in _LINKS if Path(path).is_symlink()}


def run(
    folder: Path,
    asked: Sequence[str],
    *,
    env: Mapping[str, str],
    shown: Mapping[str, Path],
    seconds: float,
    heard: Callable[[float, str], None],
) -> Ended:
    """Run a program to its end, or until its time is up; then all that it started is gone too.

    Args:
        heard: is told each piece of what it writes on stdout and stderr, and when, in seconds since it began.

    Raises:
        LabError: a room cannot be made on this machine.
    """
    told = _unseen("\0".join(arguments(folder, env, shown, root_links())) + "\0")
    line = [str(program()), "--args", str(told), "--", *asked]
    began = time.monotonic()
    with subprocess.Popen(
        line,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=[told],
    ) as process:
        os.close(told)
        try:
            cut = _listen(process, began, seconds, heard)
        finally:
            _end(process)
    took = time.monotonic() - began
    return Ended(None if cut else process.returncode, round(took, 1))


def _unseen(text: str) -> int:
    """A file descriptor that gives a text: on a command line everybody on this machine could read the keys in it."""
    descriptor = os.memfd_create("vlab")
    os.write(descriptor, text.encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _listen(
    process: "subprocess.Popen[bytes]", began: float, seconds: float, heard: Callable[[float, str], None]
) -> bool:
    """Pass on what is written until all of it is; returns whether time was up before."""
    assert process.stdout is not None  # noqa: S101 - it was asked for
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            left = began + seconds - time.monotonic()
            if left <= 0:
                return True
            if selector.select(left):
                piece = os.read(process.stdout.fileno(), _PIECE)
                if not piece:
                    return _outlives(process, began + seconds - time.monotonic())
                heard(round(time.monotonic() - began, 2), piece.decode(errors="replace"))


def _outlives(process: "subprocess.Popen[bytes]", left: float) -> bool:
    """Whether it is still there after `left` seconds, though it says nothing more."""
    try:
        process.wait(max(0.0, left))
    except subprocess.TimeoutExpired:
        return True
    return False


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
