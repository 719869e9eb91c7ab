"""A class's gradebook: what counts of each learner's gradings, with what speaks against it and what was decided."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pydantic

from vlab import __version__, catalog
from vlab.classroom import decisions, results, trust
from vlab.classroom.decisions import Decision
from vlab.classroom.model import Class
from vlab.classroom.results import Attempt
from vlab.model import Report, Verdict


class _Model(pydantic.BaseModel, frozen=True, extra="forbid"):
    pass


class Mark(_Model):
    """What one grading, or one text that was written beside it, came to."""

    score: int
    max_score: int
    percent: float | None
    passed: bool
    unsure: tuple[str, ...] = ()
    """The checks that could not be told."""


class Entry(_Model):
    """A learner's work on one exercise."""

    exercise: str
    mark: Mark | None
    """Of the grading that counts; None if none does."""
    apart: dict[str, Mark] = {}
    """Of what was written beside the mending: diagnosis, recommendation; no part of `mark`."""
    attempts: int
    """Gradings that could count."""
    refused: int = 0
    """Gradings that something speaks against, which do not count."""
    late: int = 0
    """Gradings that were recorded after the exam's end, which do not count."""
    recorded: datetime | None = None
    """When the one that counts was recorded."""
    seal: str = ""
    evidence: str = ""
    trust: tuple[str, ...] = ()
    """What speaks against each that is refused."""
    decisions: tuple[str, ...] = ()
    """What the teacher decided about it, which is in its figures."""


class Row(_Model):
    """A learner's entries."""

    learner: str
    name: str
    columns: dict[str, str]
    """The roster's line, by its own headings."""
    entries: tuple[Entry, ...]

    def entry(self, exercise: str) -> Entry | None:
        """That of an exercise; None if nothing was graded."""
        return next((each for each in self.entries if each.exercise == exercise), None)


class Gradebook(_Model):
    """A class's gradebook. `percent` is 0 to 100 of what could be told."""

    schema_version: Literal[1] = 1
    vlab: str
    class_name: str
    class_uid: str
    made: datetime
    ends: datetime | None
    counts: str
    exercises: tuple[str, ...]
    """In the order of the course."""
    rows: tuple[Row, ...]
    """In the roster's order."""

    def columns(self) -> list[tuple[str, str]]:
        """What has a column of its own: an exercise and '', or an exercise and what was written beside it."""
        found = []
        for exercise in self.exercises:
            parts = {part for row in self.rows if (e := row.entry(exercise)) for part in e.apart}
            found += [(exercise, ""), *((exercise, part) for part in sorted(parts))]
        return found


def late(attempt: Attempt, of: Class) -> bool:
    """Whether a grading was recorded after the exam's end."""
    ends = of.ends_for(attempt.learner)
    return ends is not None and attempt.at > ends


def gradebook(
    of: Class,
    attempts: Sequence[Attempt],
    decided: Sequence[Decision] = (),
    against: Mapping[Path, tuple[str, ...]] | None = None,
    now: datetime | None = None,
) -> Gradebook:
    """What counts of a class's gradings.

    Args:
        decided: the teacher's decisions; each is applied to gradings of its evidence.
        against: what speaks against each grading, by its folder, see trust.every; such a grading does not count.
        now: when it is made.
    """
    marked = [decisions.with_decisions(each, decided) for each in attempts]
    against = {folder: words for folder, words in (against or {}).items() if words}
    counts = _counting(of, marked, against)
    rows = []
    for learner in of.learners:
        own = [each for each in marked if each.learner.slug == learner.slug]
        entries = []
        for name in _in_order(a.exercise for a in own):
            of_it = [each for each in own if each.exercise == name]
            entries.append(_entry(name, of_it, counts.get((learner.slug, name)), of, decided, against))
        rows.append(Row(learner=learner.slug, name=learner.name, columns=learner.columns, entries=tuple(entries)))
    return Gradebook(
        vlab=__version__,
        class_name=of.name,
        class_uid=of.uid,
        made=now or datetime.now(UTC).replace(microsecond=0),
        ends=of.ends,
        counts=of.counts,
        exercises=tuple(_in_order(a.exercise for a in marked)),
        rows=tuple(rows),
    )


def of_class(of: Class, exercise: str = "", key: Path | None = None) -> Gradebook:
    """The gradebook of all that is kept of a class.

    Raises:
        LabError: its decisions cannot be read.
    """
    attempts = results.attempts(of, exercise)
    return gradebook(of, attempts, decisions.kept(of), trust.every(attempts, of, key))


def counting(
    of: Class, decided: Sequence[Decision], exercise: str = "", key: Path | None = None
) -> dict[tuple[str, str], Attempt]:
    """By learner's slug and exercise the grading that counts, as the gradebook has it, without what was decided."""
    attempts = {each.folder: each for each in results.attempts(of, exercise)}
    marked = [decisions.with_decisions(each, decided) for each in attempts.values()]
    counts = _counting(of, marked, trust.every(attempts.values(), of, key))
    return {place: attempts[each.folder] for place, each in counts.items()}


def _counting(
    of: Class, marked: Iterable[Attempt], against: Mapping[Path, tuple[str, ...]]
) -> dict[tuple[str, str], Attempt]:
    return results.counting(of, [each for each in marked if not (late(each, of) or against.get(each.folder))])


def anonymous(book: Gradebook) -> Gradebook:
    """The same with numbers for learners, in the roster's order."""
    digits = len(str(len(book.rows)))
    hidden = [
        row.model_copy(
            update={
                "learner": f"{number:0{digits}}",
                "name": f"learner {number:0{digits}}",
                "columns": {},
                "entries": tuple(_without_names(each) for each in row.entries),
            }
        )
        for number, row in enumerate(book.rows, 1)
    ]
    return book.model_copy(update={"rows": tuple(hidden)})


def _without_names(entry: Entry) -> Entry:
    """What speaks against a grading may name learners, and a reason may: only that there is something stays."""
    return entry.model_copy(
        update={
            "trust": tuple("something speaks against it" for _ in entry.trust[:1]),
            "decisions": tuple("decided by the teacher" for _ in entry.decisions),
        }
    )


def _entry(
    exercise: str,
    attempts: Sequence[Attempt],
    counts: Attempt | None,
    of: Class,
    decided: Iterable[Decision],
    against: Mapping[Path, tuple[str, ...]],
) -> Entry:
    refused = [each for each in attempts if each.folder in against]
    after = sum(late(each, of) for each in attempts if each.folder not in against)
    entry = Entry(
        exercise=exercise,
        mark=None,
        attempts=len(attempts) - len(refused) - after,
        refused=len(refused),
        late=after,
        trust=tuple(f"{each.folder.name}: {words}" for each in refused for words in against[each.folder]),
    )
    if counts is None:
        return entry
    report = counts.report
    found = {
        "mark": _mark(report),
        "apart": {each.title: _mark(each) for each in report.apart},
        "recorded": counts.at,
        "seal": report.seal,
        "evidence": report.evidence,
        "decisions": tuple(str(each) for each in decisions.concerning(counts, decided)),
    }
    return entry.model_copy(update=found)


def _mark(report: Report) -> Mark:
    return Mark(
        score=report.score,
        max_score=report.max_score,
        percent=report.percent,
        passed=report.passed,
        unsure=tuple(c.id for c in report.checks if c.verdict is Verdict.ERROR),
    )


def _in_order(exercises: Iterable[str]) -> list[str]:
    """Each once, in the order of the course; those that this vlab does not have come last."""
    place = {name: number for number, name in enumerate(catalog.exercises())}
    return sorted(set(exercises), key=lambda name: (place.get(name, len(place)), name))
