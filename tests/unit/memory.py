"""Measures what something takes of memory, in a process of its own.

Before Python 3.12.9 tracemalloc may crash where another thread allocates while it starts or stops (python/cpython issue
128679), and the workers of pytest-xdist have such threads. A forked process has one.
"""

import gc
import traceback
import tracemalloc
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection


def peak(what: Callable[[], object]) -> int:
    """Bytes that were taken at once."""
    return _measured(what)[1]


def grown(what: Callable[[], object]) -> int:
    """Bytes that are still taken when it has ended."""
    return _measured(what)[0]


def _measured(what: Callable[[], object]) -> tuple[int, int]:
    ours, theirs = get_context("fork").Pipe(duplex=False)
    process = get_context("fork").Process(target=_measure, args=(what, theirs))
    process.start()
    theirs.close()
    found = ours.recv()
    process.join()
    if isinstance(found, str):
        raise AssertionError(found)
    now, most = found
    return now, most


def _measure(what: Callable[[], object], told: Connection) -> None:
    tracemalloc.start()
    try:
        what()
        gc.collect()  # what waits for the collector is not kept
        told.send(tracemalloc.get_traced_memory())
    except BaseException:
        told.send(traceback.format_exc())
