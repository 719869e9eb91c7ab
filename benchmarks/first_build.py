"""Where the time of a first `vlab up` goes: builds everything into an empty cache, brings a small lab up with it, and
prints when each step ran, the chain of steps that decided how long it took, and what ran beside it.

Takes what a first build takes: minutes, both cores of a small machine, 20 GB of disk. The machine's system packages
and vlab's own must be there; everything else is fetched anew. The cache and the lab `first-build` are removed again.

Usage: .venv/bin/python benchmarks/first_build.py [--cache DIR] [--keep] [--workers N] [--json]
"""

import argparse
import json
import os
import resource
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from vlab import paths, proc, ui
from vlab.build import targets
from vlab.build.pipeline import Pipeline
from vlab.cluster import down, lab, up
from vlab.cluster.choice import wanted
from vlab.cluster.containers import Engine
from vlab.errors import LabError
from vlab.names import ProviderName

LAB = "first-build"
PROVIDER: ProviderName = "kind-built"


@dataclass(frozen=True)
class Row:
    """One step. Times are seconds since the measurement began."""

    name: str
    start: float
    end: float
    needs: tuple[str, ...] = ()
    """What it waited for."""
    cpu_s: float = 0.0
    """Of its thread and of the processes that this started, with all that they waited for."""
    cores: float = 0.0
    """How many were busy meanwhile, with whatever the machine did."""

    @property
    def seconds(self) -> float:
        """How long it ran."""
        return self.end - self.start


@dataclass(frozen=True)
class Link:
    """One step of a chain, and the seconds from the end of the one before, or from the beginning, to its start."""

    row: Row
    gap: float


def critical_path(rows: Sequence[Row]) -> list[Link]:
    """The chain that ends last: each step of it began after the one before, the last to end of those it needs.

    Its seconds and its gaps together are the time from the beginning to the end of the last row. No row, no chain.
    """
    by_name = {row.name: row for row in rows}
    chain: list[Row] = []
    next_ones = list(rows)
    while next_ones:
        chain.insert(0, max(next_ones, key=lambda row: row.end))
        next_ones = [by_name[name] for name in chain[0].needs if name in by_name]
    ends = [0.0, *(row.end for row in chain)]
    return [Link(row, row.start - end) for row, end in zip(chain, ends, strict=False)]


def beside(row: Row, rows: Sequence[Row]) -> dict[str, float]:
    """For how many seconds other steps ran while this one did, longest first."""
    shared = {o.name: min(row.end, o.end) - max(row.start, o.start) for o in rows if o.name != row.name}
    return {name: s for name, s in sorted(shared.items(), key=lambda item: -item[1]) if s > 0}


def last_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """The rows that no other one needs: who waited for these has waited for all."""
    needed = {name for row in rows for name in row.needs}
    return tuple(row.name for row in rows if row.name not in needed)


class Cpu:
    """Tells the CPU seconds of processes that run beside each other apart, by the step whose thread started them."""

    def __init__(self) -> None:
        self._here = threading.local()
        self._reaping = threading.Lock()
        self._children: dict[str, float] = {}

    @contextmanager
    def charged(self, name: str) -> Iterator[None]:
        """What this thread starts in the block is charged to `name`."""
        outer = getattr(self._here, "name", None)
        self._here.name = name
        try:
            yield
        finally:
            self._here.name = outer

    def of(self, name: str) -> float:
        """Seconds of the processes charged to `name` that have ended."""
        return self._children.get(name, 0.0)

    def metered(self) -> type["subprocess.Popen[Any]"]:
        """A Popen that charges its process. One process ends under the lock at a time, so the growth is its own."""
        cpu = self

        class Metered(subprocess.Popen):  # type: ignore[type-arg]
            def __init__(self, *args: Any, **options: Any) -> None:
                self.charged_to = getattr(cpu._here, "name", None)
                super().__init__(*args, **options)

            def wait(self, timeout: float | None = None) -> int:
                if self.returncode is None:
                    _until_ended(self, timeout)
                with cpu._reaping:
                    before = _seconds(resource.RUSAGE_CHILDREN)
                    code = super().wait(timeout)
                    grown = _seconds(resource.RUSAGE_CHILDREN) - before
                    if self.charged_to is not None:
                        cpu._children[self.charged_to] = cpu.of(self.charged_to) + grown
                return code

        return Metered


def _until_ended(process: "subprocess.Popen[Any]", timeout: float | None) -> None:
    """Wait for the end of a process without reaping it."""
    ended = os.pidfd_open(process.pid)
    try:
        if not select.select([ended], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(process.args, timeout or 0.0)
    finally:
        os.close(ended)


def _seconds(who: int) -> float:
    """CPU seconds of this process, or of its children that have ended."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def machine_seconds() -> float:
    """CPU seconds that this machine has been busy since it started, of all cores."""
    user, nice, system, _idle, _waiting, irq, softirq, *_ = Path("/proc/stat").read_text().split("\n")[0].split()[1:]
    return sum(map(int, (user, nice, system, irq, softirq))) / os.sysconf("SC_CLK_TCK")


class Recorded(ui.Steps):
    """Progress that remembers when each step ran.

    `needs` are those of the pipeline's steps, by name. Any other step waited for all that had ended when it began,
    except for what runs in a thread of its own, for which nobody waits.
    """

    def __init__(self, names: Mapping[str, str], needs: Mapping[str, tuple[str, ...]], cpu: Cpu) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self.began = time.monotonic()
        self._names, self._needs, self._cpu = names, needs, cpu
        self._waited_for: list[Row] = []

    @contextmanager
    def step(self, title: str) -> Iterator[ui.Step]:
        """Show it, and remember it when it is whole."""
        name = self._names.get(title, title)
        built = name in self._needs  # by the pipeline, which says itself for which of its others a step waits
        needs = self._needs.get(name) or last_of([r for r in self._waited_for if not (built and r.name in self._needs)])
        start, thread, machine = time.monotonic(), time.thread_time(), machine_seconds()
        with self._cpu.charged(name), super().step(title) as line:
            yield line
        end = time.monotonic()
        cpu = time.thread_time() - thread + self._cpu.of(name)
        cores = (machine_seconds() - machine) / max(end - start, 0.01)
        row = Row(name, start - self.began, end - self.began, needs, round(cpu, 2), round(cores, 2))
        self.rows.append(row)
        if built or threading.current_thread() is threading.main_thread():
            self._waited_for.append(row)


@dataclass(frozen=True)
class Anew(Engine):
    """An engine to which the node image is always new; `former` has what its name led to before."""

    former: dict[str, str] = field(default_factory=dict)

    def image_id(self, reference: str) -> str:
        """Its id, or nothing."""
        found = proc.answers([self.name, "image", "inspect", reference, "--format", "{{.Id}}"], env=self.env)
        return (found or "").strip()

    def has_image(self, reference: str) -> bool:
        """No: the first build imports it."""
        if known := self.image_id(reference):
            self.former[reference] = known
        return False

    def put_back(self, reference: str) -> None:
        """Let the name lead to what it led to before, and remove the image that was imported meanwhile."""
        imported, former = self.image_id(reference), self.former.get(reference)
        if former is not None:
            self.output("tag", former, reference)
        if imported and imported != former:
            self.output("rmi", imported)


@contextmanager
def own_cache(folder: Path | None, keep: bool) -> Iterator[Path]:
    """An empty cache, removed afterwards unless it is to be kept or the lab could not be taken down.

    Raises:
        LabError: the folder has something in it, or a lab of our name is there.
    """
    if lab.find(LAB) is not None:
        raise LabError(f"a lab named {LAB} is there already", f"run `vlab down --name {LAB}` first")
    if folder is None:
        paths.cache().parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="vlab-first-build-", dir=paths.cache().parent))
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise LabError(f"{folder} is not an empty folder", "name one that is empty or not there with --cache")
    os.environ["VLAB_CACHE"] = str(folder.absolute())
    os.environ.pop("VLAB_KEEP_BUILD", None)
    try:
        yield folder
    finally:
        if keep or lab.find(LAB) is not None:
            ui.say(f"kept: {folder}")
        else:
            with ui.Steps() as steps, steps.step("Remove the cache"):
                shutil.rmtree(folder, ignore_errors=True)  # a clean-up may be at it still, if the start failed


@contextmanager
def taken_down(engine: Anew) -> Iterator[None]:
    """Afterwards the lab is gone, and the engine has the images that it had before."""
    try:
        yield
    finally:
        with ui.Steps() as steps:
            down.down(LAB, False, steps)
        for reference in targets.node_references(paths.cache()):
            engine.put_back(reference)


def recorder(cache: Path) -> Recorded:
    """A record of what is missing in the cache; from now on every process is metered."""
    missing = Pipeline(cache, paths.logs()).missing(targets.steps_of(PROVIDER))
    cpu = Cpu()
    subprocess.Popen = cpu.metered()  # type: ignore[assignment, misc]
    return Recorded({s.title: s.name for s in missing}, {s.name: tuple(n.name for n in s.needs) for s in missing}, cpu)


def used() -> dict[str, float]:
    """CPU seconds up to now: of this process and its children, and of the whole machine, nodes included."""
    own = _seconds(resource.RUSAGE_SELF) + _seconds(resource.RUSAGE_CHILDREN)
    return {"building and driving": own, "the whole machine": machine_seconds()}


@contextmanager
def measured(cache: Path, workers: int) -> Iterator[dict[str, Any]]:
    """Bring the lab up; the figures come before it is taken down."""
    before, steps = used(), recorder(cache)
    wish = wanted(LAB, None, PROVIDER, "cpu", workers)
    assert wish.engine is not None  # noqa: S101 - this provider has one
    engine = Anew(wish.engine.name, wish.engine.own_conf)
    with taken_down(engine):
        with steps:
            up.up(replace(wish, engine=engine), steps)
        wall = time.monotonic() - steps.began
        yield figures(steps.rows, wall, {what: s - before[what] for what, s in used().items()})


def figures(rows: Sequence[Row], wall_s: float, cpu_s: Mapping[str, float]) -> dict[str, Any]:
    """What is printed, as JSON has it."""
    path = critical_path(rows)
    return {
        "wall_s": round(wall_s, 1),
        "cpu_min": {what: round(s / 60, 2) for what, s in cpu_s.items()},
        "steps": [
            {**asdict(r), "start": round(r.start, 1), "end": round(r.end, 1), "seconds": round(r.seconds, 1)}
            for r in sorted(rows, key=lambda r: (r.start, r.end))
        ],
        "critical_path": [
            {
                "name": link.row.name,
                "gap_s": round(link.gap, 1),
                "seconds": round(link.row.seconds, 1),
                "cores": link.row.cores,
                "beside": {name: round(s, 1) for name, s in beside(link.row, rows).items()},
            }
            for link in path
        ],
        "after_it_s": round(wall_s - (path[-1].row.end if path else 0.0), 1),
    }


def table(first: str, *numbers: str, last: str) -> Table:
    """Words, then numbers, then words."""
    made = Table(first, box=None, pad_edge=False)
    for number in numbers:
        made.add_column(number, justify="right")
    made.add_column(last)
    return made


def show(found: Mapping[str, Any]) -> None:
    """Print it as tables."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    every = table("step", "start", "end", "seconds", "CPU s", "busy cores", last="needs")
    for r in found["steps"]:
        times = (f"{r[what]:.1f}" for what in ("start", "end", "seconds", "cpu_s", "cores"))
        every.add_row(r["name"], *times, ", ".join(r["needs"]))
    path = table("critical path", "gap before", "seconds", "busy cores", last="beside it")
    for link in found["critical_path"]:
        others = ", ".join(f"{name} {s:.0f}" for name, s in link["beside"].items() if s >= 1)
        path.add_row(link["name"], *(f"{link[what]:.1f}" for what in ("gap_s", "seconds", "cores")), others)
    gaps = sum(link["gap_s"] for link in found["critical_path"]) + found["after_it_s"]
    path.add_row(
        "in all", f"{gaps:.1f}", f"{sum(link['seconds'] for link in found['critical_path']):.1f}", style="bold"
    )
    console.print(every, "", path, "", sep="\n")
    cpu = "; ".join(f"{what} {minutes:.1f}" for what, minutes in found["cpu_min"].items())
    console.print(f"wall: {found['wall_s'] / 60:.1f} minutes. CPU minutes on {os.cpu_count()} cores: {cpu}")


def main() -> int:
    """Measure, print, remove."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cache", type=Path, help="an empty folder, or one to be made, on a disk with 20 GB free")
    options.add_argument("--keep", action="store_true", help="leave the cache where it is")
    options.add_argument("--workers", type=int, default=1)
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    try:
        with own_cache(given.cache, given.keep) as cache, measured(cache, given.workers) as found:
            print(json.dumps(found, indent=2)) if given.json else show(found)
    except LabError as e:
        ui.fail(e)
        return e.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
