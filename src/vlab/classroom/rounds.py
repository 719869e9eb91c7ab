"""Grades a class: a round over its learners that goes on where it was interrupted."""

from collections.abc import Sequence
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


def grade(
    of: Class,
    exercise: Exercise,
    learners: Sequence[Learner],
    steps: ui.Steps,
    *,
    patience: float,
    parallel: int,
    anew: bool = False,
) -> list[Outcome]:
    """Grade an exercise for learners.

    Args:
        patience: seconds for each deployment to settle.
        anew: grade also those whom an interrupted round has graded already.

    Raises:
        LabError: the class's lab is not up, or cannot be reached.
    """
    lab = lab_of(of)
    cluster = kube(lab)
    file = of.folder / "rounds" / f"{exercise.id}.json"
    begun = _read(file, exercise, anew)
    left = [each for each in learners if each.slug not in begun.graded]
    if len(left) < len(learners):
        ui.say(f"{len(learners) - len(left)} learners were graded in this round already; --anew grades them again")
    several = 1 if {"load", "stream"} & set(exercise.collect) else parallel  # figures of two at once are of neither

    def work(learner: Learner, note: Note) -> str:
        run = runs.load(lab, exercise, learner.slug)
        said = take_answers(cluster, run)
        report, folder = judgement.judge(run, lab, exercise, ui.Within(note), patience)
        begun.graded[learner.slug] = str(folder)
        return f"{outcome_in_words(report)}{said}"

    def done(outcome: Outcome) -> None:
        begun.failed.pop(outcome.learner.slug, None)
        if not outcome.ok:
            begun.failed[outcome.learner.slug] = outcome.words
        runs.write_whole(file, begun.model_dump_json(indent=2))

    with steps.step(f"Grade {exercise.id} of {len(left)} learners") as line:
        found = for_each(left, work, several, line.note, done)
    if not begun.failed:
        file.unlink(missing_ok=True)  # the round is whole: the next one begins anew
    return found


def _read(file: Path, exercise: Exercise, anew: bool) -> Round:
    fresh = Round(exercise=exercise.id, began=datetime.now(UTC))
    if anew:
        return fresh
    try:
        return Round.model_validate_json(file.read_bytes())
    except (OSError, pydantic.ValidationError):
        return fresh


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
