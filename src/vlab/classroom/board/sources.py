"""Where a board's news come from: gradings and starts on disk, and the protocol that every other source keeps."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pydantic

from vlab import runs, ui
from vlab.classroom.board.state import News, Part, Room, Seen, Trouble, of_report
from vlab.classroom.model import Class, Learner
from vlab.classroom.results import REPORT
from vlab.cluster.quantities import number
from vlab.model import Report
from vlab.runs import Run
from vlab.serving import is_ready
from vlab.settings import GPU

Object = dict[str, Any]
Stamp = tuple[int, int]

EVERY_S = 0.5
_STILL_NS = 2_000_000_000
"""What was changed so lately may change again within the clock's grain."""
_OVER = ("Succeeded", "Failed")


class Source(Protocol):
    """Where news come from. It goes on for ever: what it cannot tell for a while is a `Trouble`, and its end a bug."""

    def news(self) -> AsyncIterator[News]:
        """All that is known already, then what is new; it does not hold up the loop in which it runs."""
        ...


class Asked(ABC):
    """A source that is asked every few seconds.

    Args:
        every: seconds from one look to the next.
    """

    NAME: str

    def __init__(self, every: float) -> None:
        self._every = every
        self._trouble = ""

    async def news(self) -> AsyncIterator[News]:
        """As `Source` has it."""
        while True:
            for each in await asyncio.to_thread(self.look):
                yield each
            await asyncio.sleep(self._every)

    @abstractmethod
    def look(self) -> list[News]:
        """What is new since the last look."""

    def said(self, trouble: str) -> list[News]:
        """News of the trouble that there is, or is no more; nothing if that is known."""
        if trouble == self._trouble:
            return []
        self._trouble = trouble
        return [Trouble(self.NAME, trouble)]


class Disk(Asked):
    """Starts and gradings of a class' learners, as they are written.

    A file is read again only if it was written again; a grading that was read never is.
    """

    NAME = "disk"

    def __init__(self, of: Class, every: float = EVERY_S) -> None:
        super().__init__(every)
        self._of = of
        self._runs: dict[Path, Stamp] = {}
        self._listed: dict[Path, int] = {}
        self._read: set[Path] = set()
        self._half: dict[Path, Stamp] = {}

    def look(self) -> list[News]:
        """What is new since the last look, by time."""
        trouble = ""
        seen: list[Seen] = []
        root = runs.on(self._of.lab)
        for learner in self._of.learners:
            try:
                for run in _folders(root / learner.slug):
                    seen += self._starts(learner, run)
                    seen += self._gradings(learner, run / "gradings")
            except OSError as e:  # the others count all the same
                trouble = f"{e.filename} cannot be read: {e.strerror}"
        return [*sorted(seen, key=lambda s: s.at), *self.said(trouble)]

    def _starts(self, learner: Learner, folder: Path) -> Iterator[Seen]:
        file = folder / "run.json"
        try:
            status = file.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if self._runs.get(file) == stamp:
                return
            run = Run.model_validate_json(file.read_bytes())
        except (FileNotFoundError, pydantic.ValidationError):
            return
        self._runs[file] = stamp
        if run.instance == self._of.lab_instance and run.started >= self._of.created.replace(microsecond=0):
            yield Seen(learner.slug, run.scenario, run.started, "start", hints=run.hints_seen)

    def _gradings(self, learner: Learner, folder: Path) -> Iterator[Seen]:
        """Those without a report yet are looked for again."""
        try:
            changed = folder.stat().st_mtime_ns
        except FileNotFoundError:
            return
        if self._listed.get(folder) == changed:
            return
        whole = True
        for grading in _folders(folder):
            file = grading / REPORT
            if file in self._read:
                continue
            report = self._report(file)
            if report is None:
                whole = whole and file in self._read
                continue
            self._read.add(file)
            if report.recorded >= self._of.created:
                yield of_report(learner.slug, report)
        if whole and time.time_ns() - changed > _STILL_NS:
            self._listed[folder] = changed

    def _report(self, file: Path) -> Report | None:
        """None if it is not there or not written to its end yet; one that stays so is said, once."""
        try:
            raw = file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            return Report.model_validate_json(raw)
        except pydantic.ValidationError as e:
            status = file.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if self._half.get(file) == stamp:
                self._read.add(file)
                ui.say(f"{file} cannot be read and is left out: {str(e).splitlines()[0]}", style="yellow")
            self._half[file] = stamp
            return None


def _folders(of: Path) -> list[Path]:
    try:
        return [each for each in of.iterdir() if not each.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []


def room(nodes: Iterable[Object], pods: Iterable[Object]) -> Room:
    """What is left: of the nodes that take pods what they give, without what pods on them ask for."""
    there = {n["metadata"]["name"]: n["status"].get("allocatable", {}) for n in nodes if _takes_pods(n)}
    every = [p for p in pods if p.get("status", {}).get("phase") not in _OVER]
    here = [_asked(p) for p in every if p["spec"].get("nodeName") in there]

    def part(name: str) -> Part:
        asked = sum(each.get(name, 0.0) for each in here)
        return Part(asked, sum(float(number(each.get(name, 0))) for each in there.values()))

    waiting = sum(not p["spec"].get("nodeName") and "deletionTimestamp" not in p["metadata"] for p in every)
    return Room(part(GPU), part("cpu"), part("memory"), waiting)


def _takes_pods(node: Object) -> bool:
    taints = [t for t in node["spec"].get("taints") or () if t["key"] != GPU]
    closed = any(t.get("effect") in ("NoSchedule", "NoExecute") for t in taints)
    return is_ready(node) and not node["spec"].get("unschedulable") and not closed


def _asked(pod: Object) -> dict[str, float]:
    """What the scheduler counts for a pod: its containers and sidecars, or an init container's more; and overhead."""
    spec = pod["spec"]
    total: dict[str, float] = {}
    for each in spec["containers"]:
        total = _sum(total, _requests(each))
    beside: dict[str, float] = {}
    peak: dict[str, float] = {}
    for each in spec.get("initContainers") or ():
        own = _requests(each)
        if each.get("restartPolicy") == "Always":
            beside = _sum(beside, own)
            own = {}
        peak = _most(peak, _sum(beside, own))
    return _sum(_most(_sum(total, beside), peak), _amounts(spec.get("overhead") or {}))


def _requests(container: Object) -> dict[str, float]:
    """What it asks for; a limit alone is a request, too."""
    resources = container.get("resources") or {}
    return _amounts({**(resources.get("limits") or {}), **(resources.get("requests") or {})})


def _amounts(quantities: dict[str, Any]) -> dict[str, float]:
    return {name: float(number(quantity)) for name, quantity in quantities.items()}


def _sum(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    return {name: one.get(name, 0.0) + other.get(name, 0.0) for name in one.keys() | other.keys()}


def _most(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    return {name: max(one.get(name, 0.0), other.get(name, 0.0)) for name in one.keys() | other.keys()}
