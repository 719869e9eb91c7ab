"""Tries a proposed change on a copy of the deployment: whether its users' load moves the metric as its author says."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

import pydantic

from vlab import exercise, measure, runs, settle
from vlab.catalog import Exercise
from vlab.cluster.kube import Kube, kube
from vlab.cluster.lab import Lab
from vlab.cluster.objects import snapshot
from vlab.errors import Exit, LabError
from vlab.evidence import CannotTell, Measured
from vlab.evidence.metrics import percentile
from vlab.evidence.traffic import Traffic, comparable
from vlab.rubric.trying import Attempt
from vlab.runs import Run
from vlab.serving import serving
from vlab.ui import Steps

MOVES = 0.1
"""Of what it was: so much a figure differs before it counts as moved."""
_PATIENCE_S = 180.0
_SUFFIX = "-try"

FIGURES: Mapping[str, Callable[[Traffic], float]] = {
    "waiting": lambda t: t.waited,
    "preemptions": lambda t: t.preemptions,
    "cache": lambda t: t.cache,
    "ttft": lambda t: t.of(t.classes[0]).ttft(95),
    "latency": lambda t: percentile((r.latency for r in t.of(t.classes[0]).requests if r.ok), 95),
    "throughput": lambda t: t.tokens_per_second,
}
"""By the names of the rubric's metrics; latencies are those of the class that is named first in the workload."""


class Moved(pydantic.BaseModel, frozen=True):
    """One metric that was predicted."""

    metric: str
    predicted: Literal["up", "down"]
    before: float
    after: float

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @property
    def went(self) -> Literal["up", "down", "nowhere"]:
        """Which way it went."""
        if abs(self.after - self.before) <= MOVES * abs(self.before):
            return "nowhere"
        return "up" if self.after > self.before else "down"

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @property
    def as_predicted(self) -> bool:
        """Whether that is what was said."""
        return self.went == self.predicted


class Trial(pydantic.BaseModel, frozen=True):
    """What came of a change."""

    change: str
    moved: tuple[Moved, ...]

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @property
    def holds(self) -> bool:
        """Whether everything went as predicted."""
        return all(m.as_predicted for m in self.moved)


def compared(attempt: Attempt, before: Measured, after: Measured) -> Trial:
    """What was predicted, beside what was measured.

    Raises:
        LabError: the two loads cannot be compared, or nothing of what was predicted is measured.
    """
    was, now = Traffic(before), Traffic(after)
    found = []
    try:
        comparable(was, now)
        for metric, way in attempt.predicts.items():
            if metric in FIGURES:
                found.append(
                    Moved(metric=metric, predicted=way, before=FIGURES[metric](was), after=FIGURES[metric](now))
                )
    except CannotTell as e:
        raise LabError(f"the loads cannot be compared: {e}", "try again", Exit.GRADER) from e
    return Trial(change=attempt.change, moved=tuple(found))


def predicted(attempt: Attempt) -> None:
    """Raises: LabError if nothing is predicted that a load shows; before anything is made."""
    if not set(attempt.predicts) & set(FIGURES):
        raise LabError(
            "the text does not say which metric goes which way",
            f"say it under Validation, of one of: {', '.join(FIGURES)}",
        )


def run(lab: Lab, run: Run, scenario: Exercise, attempt: Attempt, steps: Steps) -> Trial:
    """Deploy a copy of the faulty deployment with the change, send it the exercise's load, and take it away again.

    Raises:
        LabError: the copy does not get ready, or could not be measured.
    """
    cluster = kube(lab)
    before = measure.read_before(lab, run, scenario).load
    if before is None:
        raise LabError(f"{scenario.id} has no load to compare with", "a change can be tried where one is measured")
    with _copy(lab, run, scenario, attempt, cluster, steps) as copy, steps.step("Send its users' load") as line:
        after = measure.load(cluster, lab, copy, scenario, line.note)
    return compared(attempt, before, after)


@contextmanager
def _copy(lab: Lab, run: Run, scenario: Exercise, attempt: Attempt, cluster: Kube, steps: Steps) -> Iterator[Run]:
    space, learner = f"{run.namespace}{_SUFFIX}", f"{run.learner}{_SUFFIX}"
    try:
        with steps.step("Deploy a copy with the change") as line:
            copy = exercise.start(
                lab,
                scenario,
                learner,
                space,
                replace=True,
                parameters=run.parameters,
                tried=attempt.values,
                note=line.note,
            )
            settled = settle.settle(cluster, lab, space, line.note, scenario.awaited, _PATIENCE_S)
        if not serving(snapshot(cluster, lab, space), space, scenario.addresses).pods:
            raise LabError(
                f"the copy with the change does not get ready: {settled.moving or 'it is stuck'}",
                "if no GPU is free, scale your own deployment to 0 meanwhile; else the change itself stops it",
                Exit.CHECKS_FAILED,
            )
        yield copy
    finally:
        with steps.step("Take the copy away"):
            exercise.remove(cluster, lab, space)
            runs.forget(lab, scenario, learner)
