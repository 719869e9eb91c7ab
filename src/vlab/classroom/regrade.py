"""Grades kept evidence anew by today's graders: what changed and why; the report before is kept beside the new one."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import pydantic

from vlab import catalog, runs
from vlab.classroom import trust
from vlab.classroom.model import Class
from vlab.classroom.results import REPORT, Attempt
from vlab.errors import LabError
from vlab.evidence import Evidence, load
from vlab.grading import grade_exercise
from vlab.model import CheckResult, Report
from vlab.report import render

WORKERS = 2
JUNIT = "report.xml"
Note = Callable[[int, int], None]
"""Is told how many are done, of how many."""


class _Model(pydantic.BaseModel, frozen=True, extra="forbid"):
    pass


class Said(_Model):
    """What a check said."""

    verdict: str
    """Empty if there was no such check."""
    words: str = ""
    """What was expected and found, or the reason."""


class Change(_Model):
    """One check that says something else than before."""

    part: str
    """Empty, or what was written beside the mending: diagnosis, recommendation."""
    check: str
    before: Said
    after: Said


class Regraded(_Model):
    """What came of one grading's evidence."""

    learner: str
    exercise: str
    grading: str
    """The name of its folder."""
    refused: tuple[str, ...] = ()
    """Why it was left as it is."""
    differs: str = ""
    """What the kept report says otherwise than its evidence, by the same vlab."""
    before: float | None = None
    after: float | None = None
    """Percent."""
    vlab_before: str = ""
    changes: tuple[Change, ...] = ()
    written: bool = False
    """Whether the new report was put in place."""


@dataclass(frozen=True)
class Task:
    """One grading to do, with what speaks against it already."""

    attempt: Attempt
    against: tuple[str, ...]
    write: bool


def regrade(
    of: Class, attempts: Sequence[Attempt], note: Note, *, write: bool, key: Path | None = None
) -> list[Regraded]:
    """Grade kept evidence anew; one that cannot be graded or believed is left as it is, with the reason.

    Args:
        note: is told how many are done, of how many.
        write: whether new reports are put in place; without it nothing is changed.
        key: the public key that is trusted; this machine's own if it is None.

    Returns:
        What came of each, in the order of `attempts`.
    """
    against = trust.every(attempts, of, key)
    tasks = [Task(each, against[each.folder], write) for each in attempts]
    return graded(tasks, note)


def graded(tasks: Sequence[Task], note: Note) -> list[Regraded]:
    """Do them all, two at once, each by itself."""
    found: dict[int, Regraded] = {}
    for number, result in _done(tasks):
        found[number] = result
        note(len(found), len(tasks))
    return [found[number] for number in range(len(tasks))]


def _done(tasks: Sequence[Task]) -> Iterator[tuple[int, Regraded]]:
    pending = [(n, t) for n, t in enumerate(tasks) if not t.against]
    yield from ((n, _left(t.attempt, t.against)) for n, t in enumerate(tasks) if t.against)
    if len(pending) < WORKERS:  # a process of its own takes longer to begin than one grading
        yield from ((n, _whatever_comes(t)) for n, t in pending)
        return
    # Threads are about that show progress: a worker begins anew and does not inherit them.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(WORKERS, len(pending)), mp_context=context) as pool:
        futures: Mapping[Future[Regraded], tuple[int, Task]] = {
            pool.submit(_whatever_comes, t): (n, t) for n, t in pending
        }
        try:
            for future in as_completed(futures):
                number, task = futures[future]
                yield number, _result(future, task)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _result(future: "Future[Regraded]", task: Task) -> Regraded:
    try:
        return future.result()
    except BrokenProcessPool:
        return _left(task.attempt, ("the process that graded it, or one beside it, was ended; regrade again",))


def _whatever_comes(task: Task) -> Regraded:
    """Nothing that lies in one folder stops the others."""
    try:
        return one(task)
    except Exception as e:
        return _left(task.attempt, (f"it could not be graded: {type(e).__name__}: {e}",))


def one(task: Task) -> Regraded:
    """Grade one grading's evidence anew, and put its report in place if that is wished and it says anything else."""
    attempt = task.attempt
    try:
        evidence = load(attempt.folder / trust.EVIDENCE)
        report = grade_exercise(evidence, catalog.exercise(attempt.exercise))
        result = compared(attempt, report)
        if task.write and _content(report) != _content(attempt.report):
            put(attempt, report, evidence)
            result = result.model_copy(update={"written": True})
    except (LabError, OSError) as e:
        return _left(attempt, (f"it could not be graded: {e.message if isinstance(e, LabError) else e.strerror}",))
    return result


def compared(attempt: Attempt, after: Report) -> Regraded:
    """What a new report of the same evidence says otherwise."""
    before = attempt.report
    return Regraded(
        learner=attempt.learner.slug,
        exercise=attempt.exercise,
        grading=attempt.folder.name,
        differs=trust.differs(before, after),
        before=before.percent,
        after=after.percent,
        vlab_before=before.vlab,
        changes=tuple(changes(before, after)),
    )


def changes(before: Report, after: Report) -> Iterator[Change]:
    """The checks that are new, gone, or say something else."""
    then, now = _by_place(before), _by_place(after)
    for part, check in dict.fromkeys([*then, *now]):
        old, new = _said(then.get((part, check))), _said(now.get((part, check)))
        if old != new:
            yield Change(part=part, check=check, before=old, after=new)


def put(attempt: Attempt, report: Report, evidence: Evidence) -> None:
    """Put a new report in place; the one before is kept as report-VLAB-TIME.json, whatever happens in between."""
    file = attempt.folder / REPORT
    _keep(file, attempt.report)
    runs.write_whole(file, render(report, evidence, "json"))
    runs.write_whole(attempt.folder / JUNIT, render(report, evidence, "junit"))


def _keep(file: Path, report: Report) -> None:
    stem = f"report-{report.vlab}-{report.graded_at:%Y%m%dT%H%M%SZ}"
    for number in range(1, 1000):
        kept = file.with_name(f"{stem}{f'-{number}' if number > 1 else ''}.json")
        try:
            os.link(file, kept)
        except FileExistsError:
            if kept.read_bytes() == file.read_bytes():  # kept already by one that was interrupted
                return
            continue
        return
    raise LabError(f"{file.parent} has a thousand reports", "move some away")


def _by_place(report: Report) -> dict[tuple[str, str], CheckResult]:
    return {
        (part, c.id): c for part, each in (("", report), *((a.title, a) for a in report.apart)) for c in each.checks
    }


def _said(check: CheckResult | None) -> Said:
    if check is None:
        return Said(verdict="")
    words = f"{check.expected}; found: {check.actual}" if check.expected else check.reason
    return Said(verdict=check.verdict, words=words)


def _content(report: Report) -> dict[str, object]:
    return report.model_dump(exclude={"graded_at"})


def _left(attempt: Attempt, why: tuple[str, ...]) -> Regraded:
    percent = attempt.report.percent
    return Regraded(
        learner=attempt.learner.slug,
        exercise=attempt.exercise,
        grading=attempt.folder.name,
        refused=why,
        before=percent,
        after=percent,
        vlab_before=attempt.report.vlab,
    )
