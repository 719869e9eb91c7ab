"""Looks at an exercise when something in it has changed and is still again; in a thread, so that keys are heard."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Condition, Thread
from typing import Any

from vlab import exercise, judgement, runs
from vlab.catalog import Exercise
from vlab.cluster.kube import Kube, asked, kube
from vlab.cluster.lab import Lab
from vlab.cluster.watched import Watched
from vlab.collect import collect
from vlab.errors import LabError
from vlab.evidence import Evidence, Settled
from vlab.grading import grade
from vlab.grading.load import checks_in
from vlab.grading.views import collectors, needing_load
from vlab.model import Report
from vlab.runs import Run
from vlab.settle import Limits, is_unschedulable, restless, serves, tries_again
from vlab.watching.state import State

Object = dict[str, Any]

QUIET_S = 0.5
"""Without another change: then it is looked at."""
MOST_S = 3.0
"""And at the latest so long after the first change."""
_GLANCE_S = 1.0
"""Between looks at what is on this machine: objects in memory that only need time, a lock, answers."""
_AGAIN_S, _AGAIN_MOST_S = 2.0, 60.0
"""A look that could not tell is tried again without a change, each time later."""
_READING = "reading what is there"


@dataclass
class Pending:
    """When the next look is due, on a clock that never steps."""

    first: float | None = None
    """The first change that was not looked at."""
    last: float = 0.0
    """The last one."""
    again: float | None = None
    """What is due without a change."""

    def changed(self, now: float) -> None:
        """Something has changed."""
        self.first = now if self.first is None else self.first
        self.last = now

    @property
    def due(self) -> float | None:
        """None: not before something changes."""
        if self.first is None:
            return self.again
        return min(self.last + QUIET_S, self.first + MOST_S)


class Looker:
    """Watches a run within a `with` block, and says what comes of it.

    Args:
        load: whether a look sends a load, as a grading does.
        show: called with each new state.
        ended: called if nothing more can come of it, with why: a LabError, or a bug.
    """

    def __init__(
        self,
        run: Run,
        lab: Lab,
        scenario: Exercise,
        *,
        load: bool,
        show: Callable[[State], None],
        ended: Callable[[Exception], None],
    ) -> None:
        checks = checks_in(*scenario.graders)
        self._lab, self._scenario, self._load = lab, scenario, load
        self._run = run
        self._show, self._ended = show, ended
        self._cluster = kube(lab)
        self._watched = Watched(self._cluster, lab, run.namespace, self.changed)
        self._limits = judgement.LIMITS.get(lab.provider, Limits())
        self._light = light(scenario)
        self._state = State(with_load=frozenset() if load else needing_load(checks))
        self._shown = self._state
        self._bell = Condition()
        self._pending = Pending()
        self._over = False
        self._tries = 0
        self._waits_since: float | None = None
        self._answers = _stamp(run.answers)
        self._at_rest = (time.monotonic(), asked())

    def __enter__(self) -> "Looker":
        """Begin to watch. That the API cannot be asked is told to `ended`, as all that comes later."""
        Thread(target=self._go_on, name="look", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Look no more; a look that has begun comes to nothing."""
        with self._bell:
            self._over = True
            self._bell.notify()

    def changed(self) -> None:
        """Something has changed: it is looked at soon. From any thread."""
        with self._bell:
            self._pending.changed(time.monotonic())
            self._bell.notify()

    def statistics(self) -> dict[str, Any]:
        """How often it has looked, how often the API was asked in all, and since the last look or change."""
        since, then = self._at_rest
        now = asked()
        return {
            "looks": self._state.looks,
            "asked": now,
            "idle_seconds": round(time.monotonic() - since, 1),
            "asked_while_idle": {what: now[what] - then[what] for what in now},
        }

    def _go_on(self) -> None:
        try:
            self._say(doing="asking the cluster what there is")
            _same(self._cluster, self._run)
            self._clock = _Clock(self._cluster)
            self._watched.start()
            while self._await():
                self._turn()
                self._at_rest = (time.monotonic(), asked())
        except Exception as e:
            self._ended(e)

    def _await(self) -> bool:
        """Wait until something is due; False when it is over."""
        with self._bell:
            while not self._over and ((due := self._pending.due) is None or due > time.monotonic()):
                left = _GLANCE_S if due is None else min(_GLANCE_S, due - time.monotonic())
                self._bell.wait(max(0.0, left))
                if (answers := _stamp(self._run.answers)) != self._answers:
                    self._answers = answers
                    self._pending.changed(time.monotonic())
            if self._pending.first is not None:
                self._tries = 0
            self._pending = Pending()
            return not self._over

    def _turn(self) -> None:
        if self._watched.refusal is not None:
            raise self._watched.refusal
        if problem := self._watched.trouble:
            self._say(problem=problem)
        elif not self._watched.whole:
            self._say(doing=_READING)
        elif runs.is_at_work(self._run):
            self._say(problem="another vlab is at work on it; it is looked at when that is done")
        elif moving := self._moving():
            self._say(moving=moving)
        else:
            self._look()
            return
        self._due_in(_GLANCE_S)  # none of this asks the API anything

    def _moving(self) -> str | None:
        """What has not settled, by what is in memory and the cluster's clock."""
        objects, namespace, here = self._watched.objects(), self._run.namespace, self._scenario.awaited
        found = restless(objects, self._clock.now(), self._lab, namespace, self._limits, here)
        pending = [o for o in objects if is_unschedulable(o)]
        if found or not pending or serves(objects, namespace, here):
            self._waits_since = None
            return found
        now = time.monotonic()
        self._waits_since = self._waits_since or now
        kinds = {kind: [o for o in objects if o["kind"] == kind] for kind in ("Node", "Pod")}
        return tries_again(pending, kinds["Node"], kinds["Pod"], now - self._waits_since)

    def _look(self) -> None:
        self._say(doing=_READING)
        try:
            self._run = self._loaded()
            _same(self._cluster, self._run)
            self._clock = _Clock(self._cluster)
            report = self._report()
        except MovedError:
            self._say(moving="something moved while it was looked at")
            self._again()
            return
        except _ElsewhereError:
            raise
        except LabError as e:
            self._say(problem=e.message)
            self._again()
            return
        if runs.is_at_work(self._run):  # it may have changed what was looked at, half way
            self._due_in(_GLANCE_S)
            return
        self._state = replace(self._state, checks=report.checks, looks=self._state.looks + 1)
        self._say()
        if self._state.in_doubt:
            self._again()

    def _loaded(self) -> Run:
        """The run as it is remembered now: a reset may have made its namespace anew.

        Raises:
            _ElsewhereError: it was begun anew in another namespace than the one that is watched.
        """
        run = runs.load(self._lab, self._scenario, self._run.learner)
        if run.namespace != self._run.namespace:
            raise _ElsewhereError(
                f"{run.scenario} is now in namespace {run.namespace}, not in {self._run.namespace}",
                f"`vlab watch {run.scenario}` watches it there",
            )
        return run

    def _report(self) -> Report:
        """The verdicts on what is there now; nothing of it is kept."""

        def note(words: str) -> None:
            self._say(doing=words or _READING)

        return look(self._run, self._lab, self._scenario, self._light, self._limits, note, load=self._load)

    def _say(self, *, moving: str = "", doing: str = "", problem: str = "") -> None:
        new = replace(self._state, moving=moving, doing=doing, problem=problem)
        if new != self._shown:
            self._state = self._shown = new
            self._show(new)

    def _again(self) -> None:
        self._due_in(min(_AGAIN_MOST_S, _AGAIN_S * 2**self._tries))
        self._tries += 1

    def _due_in(self, seconds: float) -> None:
        with self._bell:
            self._pending.again = time.monotonic() + seconds


def look(
    run: Run,
    lab: Lab,
    scenario: Exercise,
    light: Exercise,
    limits: Limits,
    note: Callable[[str], None] = lambda _: None,
    *,
    load: bool = False,
) -> Report:
    """The verdicts on what is there now, if nothing of it moves; nothing is kept.

    Args:
        light: what `light` makes of the exercise.

    Raises:
        MovedError: something moved meanwhile.
        LabError: the cluster does not answer.
    """
    waited = False

    def wait() -> Settled:
        nonlocal waited
        if waited:
            raise MovedError
        waited = True
        return Settled()

    with TemporaryDirectory(prefix="vlab-watch-", ignore_cleanup_errors=True) as room:
        folder = Path(room) / "evidence"
        collect(run, lab, light, folder, wait, limits, note, load=load)
        return grade(Evidence(folder), scenario.graders, scenario.title)


def light(scenario: Exercise) -> Exercise:
    """An exercise that collects only what a check reads, and what was measured at its start, which is there already."""
    read = frozenset[str]().union(*map(collectors, checks_in(*scenario.graders)))
    return scenario.model_copy(update={"collect": tuple(c for c in scenario.collect if c in read or c == "before")})


class _ElsewhereError(LabError):
    """What is watched is not the exercise any more."""


class MovedError(Exception):
    """It had settled, and moved while it was looked at."""


class _Clock:
    """The cluster's clock, read once."""

    def __init__(self, cluster: Kube) -> None:
        self._then, self._read = cluster.now(), time.monotonic()

    def now(self) -> datetime:
        return self._then + timedelta(seconds=time.monotonic() - self._read)


def _same(cluster: Kube, run: Run) -> None:
    exercise.same_cluster(cluster, run)
    exercise.same_namespace(cluster, run)


def _stamp(folder: Path) -> frozenset[tuple[str, int]]:
    """What tells whether an answer was written."""
    try:
        return frozenset((f.name, f.stat().st_mtime_ns) for f in folder.iterdir())
    except OSError:
        return frozenset()
