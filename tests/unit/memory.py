"""Measures what something takes of memory, as the kernel and the interpreter count it.

Not by tracemalloc: before Python 3.12.9 it may crash where another thread allocates (python/cpython issue 128679), and
the workers of pytest-xdist have such threads.
"""

import ctypes
import gc
import re
import sys
from collections.abc import Callable
from pathlib import Path

_SELF = Path("/proc/self")


def peak(what: Callable[[], object]) -> int:
    """Bytes that this process grew by at most meanwhile."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what is free already would be taken unseen
    (_SELF / "clear_refs").write_text("5")  # the highest point so far is forgotten
    before = _status("VmRSS")
    what()
    return max(0, _status("VmHWM") - before)


def blocks_kept(what: Callable[[], object]) -> int:
    """Blocks of memory that the interpreter still has when it has ended."""
    gc.collect()
    before = sys.getallocatedblocks()
    what()
    gc.collect()  # what waits for the collector is not kept
    return sys.getallocatedblocks() - before


def _status(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", (_SELF / "status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) << 10
