"""Grades a class: a round over its learners that goes on where it was interrupted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pydantic

from vlab import judgement, runs, ui
from vlab.catalog import Exercise
from vlab.classroom.manage import lab_of
from vlab.classroom.many import Note, Outcome, for_each
from vlab.classroom.model import Class, Learner
from vlab.cluster.kube import Kube, kube
from vlab.cluster.lab import Lab
from vlab.errors import LabError
from vlab.evidence.files import ANSWER_BYTES, ANSWER_NAME
from vlab.report.words import outcome as outcome_in_words

ANSWERS = "answers"
"""The ConfigMap in a learner's namespace with what they wrote, a file a key."""


class Round(pydantic.BaseModel):
    """Which learners a round has graded, and what came of it."""

    exercise: str
    began: pydantic.AwareDatetime
    graded: dict[str, str] = {}
    """By slug the folder of the grading."""
    failed: dict[str, str] = {}
    """By slug why nothing could be graded; tried again when the round goes on."""

    def file(self, of: Class) -> Path:
        """Where it is remembered until it is whole."""
        return of.folder / "rounds" / f"{self.exercise}.json"

    def left(self, learners: Sequence[Learner]) -> list[Learner]:
        """Those who are not graded yet; says how many are."""
        left = [each for each in learners if each.slug not in self.graded]
        if len(left) < len(learners):
            ui.say(f"{len(learners) - len(left)} learners were graded in this round already; --anew grades them again")
        return left

    def keep(self, of: Class, came: Outcome) -> None:
        """Remember what came of it for one learner."""
        self.failed.pop(came.learner.slug, None)
        if not came.ok:
            self.failed[came.learner.slug] = came.words
        runs.write_whole(self.file(of), self.model_dump_json(indent=2))

    def end(self, of: Class) -> None:
        """Forget it if everybody is graded: the next one begins anew."""
        if not self.failed:
            self.file(of).unlink(missing_ok=True)


@dataclass(frozen=True)
class Order:
    """What is to be graded, and how."""

    of: Class
    exercise: Exercise
    learners: Sequence[Learner]
    patience: float
    """Seconds for each deployment to settle."""
    parallel: int
    """Learners at a time, where figures of one are not another's."""
    anew: bool = False
    """Also those whom an interrupted round has graded already."""

    @property
    def at_once(self) -> int:
        """How many may be graded at a time: figures of two loads at once are of neither."""
        return 1 if {"load", "stream"} & set(self.exercise.collect) else self.parallel

    def begin(self) -> Round:
        """The round that was interrupted, or a new one."""
        fresh = Round(exercise=self.exercise.id, began=datetime.now(UTC))
        if self.anew:
            return fresh
        try:
            return Round.model_validate_json(fresh.file(self.of).read_bytes())
        except (OSError, pydantic.ValidationError):
            return fresh


def grade(order: Order, steps: ui.Steps) -> list[Outcome]:
    """Grade from this machine.

    Raises:
        LabError: the class's lab is not up, or cannot be reached.
    """
    of, exercise = order.of, order.exercise
    lab = lab_of(of)
    cluster = kube(lab)
    begun = order.begin()
    left = begun.left(order.learners)

    def work(learner: Learner, note: Note) -> str:
        run = runs.load(lab, exercise, learner.slug)
        graded = grade_one(cluster, lab, exercise, run, ui.Within(note), order.patience)
        begun.graded[learner.slug] = str(graded.folder)
        return graded.words

    with steps.step(f"Grade {exercise.id} of {len(left)} learners") as line:
        found = for_each(left, work, order.at_once, line.note, lambda came: begun.keep(of, came))
    begun.end(of)
    return found


@dataclass(frozen=True)
class Graded:
    """One learner's grading."""

    folder: Path
    words: str


def grade_one(cluster: Kube, lab: Lab, exercise: Exercise, run: runs.Run, steps: ui.Within, patience: float) -> Graded:
    """Take a learner's answers, and grade what is deployed.

    Raises:
        LabError: nothing can be said.
    """
    said = take_answers(cluster, run)
    report, folder = judgement.judge(run, lab, exercise, steps, patience)
    return Graded(folder, f"{outcome_in_words(report)}{said}")


def take_answers(cluster: Kube, run: runs.Run) -> str:
    """Write what a learner put into the ConfigMap `answers` to where graders look; says what could not be taken."""
    found: dict[str, Any] = cluster.find("configmaps", ANSWERS, run.namespace) or {}
    refused = []
    for name, text in (found.get("data") or {}).items():
        if not ANSWER_NAME.fullmatch(name) or len(text.encode()) > ANSWER_BYTES:
            refused.append(name)
            continue
        try:
            runs.write_whole(run.answers / name, text)
        except OSError as e:
            raise LabError(f"cannot write {run.answers / name}: {e.strerror}", "free some space; grade again") from e
    return f"; not taken: {', '.join(refused)}" if refused else ""
