"""A board of 200 learners with 20 open pages: how long from a grading's report written to disk until every page has
it, what memory the board takes, how many bytes a change is, and what a scan of the disk takes. Needs no lab.

Usage: PYTHONPATH=src .venv/bin/python benchmarks/board.py [--learners 200] [--pages 20] [--gradings 40]
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

import made_class
from vlab.classroom.board.sources import Disk
from vlab.classroom.model import Class

COMMAND = "import sys; from vlab.cli import main; main()"


async def events(session: aiohttp.ClientSession) -> AsyncIterator[tuple[str, bytes]]:
    """Name and bytes of each event, as a page hears them."""
    name = ""
    async with session.get("/events") as response:
        async for line in response.content:
            if line.startswith(b"event: "):
                name = line[7:].decode().strip()
            elif line.startswith(b"data: "):
                yield name, line


async def page(session: aiohttp.ClientSession, heard: asyncio.Queue[tuple[float, int, str]]) -> None:
    """Tell of each event when it came and how large it was; its text too, of a change."""
    async for name, raw in events(session):
        heard.put_nowait((time.perf_counter(), len(raw), raw.decode() if name == "change" else ""))


async def measure(of: Class, address: str, pages: int, gradings: int) -> dict[str, object]:
    """Gradings one after the other, each heard by all before the next."""
    token = address.rpartition("=")[2]
    latencies: list[float] = []
    sizes: list[int] = []
    async with aiohttp.ClientSession(
        address.partition("/?")[0],
        headers={"Authorization": f"Bearer {token}"},
        timeout=aiohttp.ClientTimeout(total=None),
        connector=aiohttp.TCPConnector(limit=0),
        read_bufsize=1 << 22,
    ) as session:
        heard: list[asyncio.Queue[tuple[float, int, str]]] = [asyncio.Queue() for _ in range(pages)]
        open_pages = [asyncio.create_task(page(session, each)) for each in heard]
        whole = [(await each.get())[1] for each in heard]
        for i in range(gradings):
            number = i % len(of.learners) + 1
            learner = of.learners[number - 1]
            phase = "solved" if i % 2 else "faulty"
            made_class.begin(of, learner, "shm-missing", datetime.now(UTC))
            for each in heard:
                await told(each, f'"{number}":', '"active":')
            made_class.record(of, learner, "shm-missing", phase, datetime.now(UTC))
            written = time.perf_counter()
            for each in heard:
                at, size = await told(each, f'"{number}":', '"told":')
                latencies.append(at - written)
                sizes.append(size)
        for each in open_pages:
            each.cancel()
    return {
        "latency_s": {
            "median": round(statistics.median(latencies), 3),
            "p95": round(statistics.quantiles(latencies, n=20)[-1], 3),
        },
        "bytes_of_a_change": {"median": statistics.median(sizes), "most": max(sizes)},
        "bytes_of_everything": max(whole),
    }


async def told(heard: asyncio.Queue[tuple[float, int, str]], *words: str) -> tuple[float, int]:
    """When a change with these words in it came, and how large it was."""
    while True:
        at, size, text = await asyncio.wait_for(heard.get(), 60)
        if all(word in text for word in words):
            return at, size


def memory(pid: int) -> int:
    """MiB that a process holds now."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS:"))) >> 10


def scans(of: Class) -> list[float]:
    """Looks at the disk: the first, which reads all, and the median of later ones, with nothing new."""
    disk = Disk(of)
    found = []
    for _ in range(11):
        started = time.perf_counter()
        disk.look()
        found.append(time.perf_counter() - started)
    return [found[0], statistics.median(found[1:])]


def main() -> None:
    """Measure, and print JSON."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--learners", type=int, default=200)
    options.add_argument("--pages", type=int, default=20)
    options.add_argument("--gradings", type=int, default=40)
    given = options.parse_args()
    with TemporaryDirectory() as folder:
        os.environ["VLAB_STATE"] = folder
        of = made_class.made(given.learners)
        made_class.at_work(of)
        first, later = scans(of)
        board = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "class", "board"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        try:
            assert board.stdout  # noqa: S101
            address = board.stdout.readline().decode().strip()
            before = memory(board.pid)
            found = asyncio.run(measure(of, address, given.pages, given.gradings))
            after = memory(board.pid)
        finally:
            board.terminate()
            board.wait()
    figures = {
        "learners": given.learners,
        "pages": given.pages,
        "gradings": given.gradings,
        **found,
        "memory_mib": {"before": before, "after": after},
        "scan_s": {"first": round(first, 3), "nothing_new": round(later, 4)},
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
