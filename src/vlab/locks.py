"""Locks on folders that two vlabs must not change at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from vlab import ui

_GLANCE_S = 0.3
"""Longer than `held` holds a lock that it only asks about."""


@contextmanager
def locked(what: Path, doing: str) -> Iterator[None]:
    """Hold the lock of a folder; say so when another vlab has it. The kernel frees it when its holder dies."""
    what.mkdir(parents=True, exist_ok=True)
    lock = FileLock(what / ".lock")
    try:
        lock.acquire(timeout=_GLANCE_S)
    except Timeout:
        ui.say(f"another vlab is {doing}; waiting for it to finish")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def held(what: Path) -> bool:
    """Whether somebody holds the lock of a folder now; it waits for nobody, and nobody for it."""
    lock = FileLock(what / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except FileNotFoundError:  # nothing was ever locked there
        return False
    lock.release()
    return False
