"""What came of a class: every grading that is kept of its learners' runs, and which of them counts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pydantic

from vlab import runs, ui
from vlab.classroom.model import Class, Learner
from vlab.model import Report

REPORT = "report.json"


@dataclass(frozen=True)
class Attempt:
    """One grading of a learner's run."""

    learner: Learner
    exercise: str
    folder: Path
    """With report.json and evidence/."""
    report: Report

    @property
    def at(self) -> datetime:
        """When it was recorded: the deployment's moment, not that of a later regrading."""
        return self.report.recorded


def attempts(of: Class, exercise: str = "") -> list[Attempt]:
    """Every grading that can be read, by learner in the roster's order, then by exercise and time; those of before
    the class was made are none. What cannot be read is said, and the others count."""
    found = []
    for learner in of.learners:
        for file in sorted((runs.on(of.lab) / learner.slug).glob(f"{exercise or '*'}/gradings/*/{REPORT}")):
            try:
                report = Report.model_validate_json(file.read_bytes())
            except (OSError, pydantic.ValidationError) as e:
                ui.say(f"{file} cannot be read and is left out: {str(e).splitlines()[0]}", style="yellow")
                continue
            if report.recorded >= of.created:
                found.append(Attempt(learner, report.scenario, file.parent, report))
    return found


def counting(of: Class, found: Iterable[Attempt]) -> dict[tuple[str, str], Attempt]:
    """By learner's slug and exercise the grading that counts: the best, of equal ones the first; or the last."""
    counted: dict[tuple[str, str], Attempt] = {}
    for each in sorted(found, key=lambda a: a.at):
        place = (each.learner.slug, each.exercise)
        there = counted.get(place)
        if there is None or of.counts == "last" or _worth(each) > _worth(there):
            counted[place] = each
    return counted


def _worth(attempt: Attempt) -> tuple[float, int]:
    """What could not be told in part is worth less than the same share of everything."""
    percent = attempt.report.percent
    return (-1.0 if percent is None else percent, attempt.report.score)
