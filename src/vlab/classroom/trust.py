"""Whether a kept grading can be believed: its seal, whose evidence it is, of which run, and that it is there once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pydantic

from vlab.classroom.model import Class
from vlab.classroom.results import Attempt
from vlab.errors import LabError
from vlab.evidence import Evidence, Header, seal
from vlab.grading.score import score
from vlab.model import Report
from vlab.runs import Run

EVIDENCE = "evidence"
"""The folder of a grading's evidence, beside its report."""


@dataclass(frozen=True)
class Known:
    """What a grading's evidence says, without what was recorded in it."""

    header: Header
    digest: str
    seal: seal.State
    trusted: bool
    """Whether the key that signed is the teacher's."""


def read(attempt: Attempt, key: Path | None = None) -> Known:
    """What the evidence of a grading says.

    Args:
        key: the public key that is trusted; this machine's own if it is None.

    Raises:
        LabError: it cannot be read.
    """
    return of_evidence(evidence_of(attempt), key)


def evidence_of(attempt: Attempt) -> Evidence:
    """The evidence beside a report.

    Raises:
        LabError: it cannot be read.
    """
    folder = attempt.folder / EVIDENCE
    try:
        return Evidence(folder)
    except OSError as e:
        raise LabError(f"{folder} cannot be read: {e.strerror}", "see who may read there") from None


def of_evidence(evidence: Evidence, key: Path | None = None) -> Known:
    """As `read`, of evidence that was read already."""
    return Known(evidence.header, evidence.digest, evidence.seal, seal.is_trusted(evidence.seal, key))


def run_of(attempt: Attempt) -> Run | None:
    """The run in whose folder a grading lies, as it is now; None if its record cannot be read."""
    try:
        return Run.model_validate_json((attempt.folder.parent.parent / "run.json").read_bytes())
    except (OSError, pydantic.ValidationError):
        return None


def findings(attempt: Attempt, known: Known, run: Run | None, of: Class) -> tuple[str, ...]:
    """What speaks against a grading, in words; nothing if it is what it says."""
    return (
        *_of_seal(known),
        *_of_owner(attempt, known.header),
        *_of_run(known.header, run, of),
        *_of_report(attempt, known),
    )


def twice(found: Mapping[Path, tuple[Attempt, Known]]) -> dict[Path, str]:
    """By the folders of gradings whose evidence is there more than once, where else it is."""
    same = defaultdict(list)
    for folder, (_, known) in found.items():
        same[known.digest].append(folder)
    said = {}
    for group in (each for each in same.values() if len(each) > 1):
        for folder in group:
            others = _places(found[each][0] for each in group if each != folder)
            said[folder] = f"the same evidence lies in another place too: {others}"
    return said


def every(attempts: Iterable[Attempt], of: Class, key: Path | None = None) -> dict[Path, tuple[str, ...]]:
    """What speaks against each grading, by its folder: what one says by itself, and beside the others."""
    said: dict[Path, tuple[str, ...]] = {}
    known: dict[Path, tuple[Attempt, Known]] = {}
    for each in attempts:
        try:
            known[each.folder] = each, read(each, key)
        except LabError as e:
            said[each.folder] = (f"its evidence cannot be read: {e.message}",)
            continue
        said[each.folder] = findings(each, known[each.folder][1], run_of(each), of)
    for folder, words in twice(known).items():
        said[folder] = (*said[folder], words)
    return said


def differs(kept: Report, again: Report) -> str:
    """What a kept report says otherwise than its evidence does, graded anew by the same vlab; empty if nothing."""
    if kept.vlab != again.vlab or _said(kept) == _said(again):
        return ""
    if (kept.score, kept.max_score) != (again.score, again.max_score):
        figures = f"{kept.score} of {kept.max_score} points, its evidence gives {again.score} of {again.max_score}"
        return f"the report was changed, or the graders were: it says {figures}"
    return "the report was changed, or the graders were: its verdicts are not those that its evidence gives"


def _said(report: Report) -> object:
    """What counts of a report: verdicts and figures. Words are for people, and earn nothing."""
    checks = [(c.id, c.verdict, c.points, c.earned) for c in report.checks]
    figures = report.score, report.max_score, report.percent, report.passed
    return report.title, report.evidence, checks, figures, [_said(each) for each in report.apart]


def _of_seal(known: Known) -> Iterable[str]:
    if known.seal.kind == "unsigned":
        yield "the evidence is unsigned"
    elif known.seal.kind == "changed":
        yield f"the evidence was changed after it was recorded: {', '.join(known.seal.changed[:3])}"
    elif not known.trusted:
        yield f"the evidence is {known.seal}, which is not the teacher's key"


def _of_owner(attempt: Attempt, header: Header) -> Iterable[str]:
    if header.learner != attempt.learner.slug:
        yield f"the evidence is {header.learner}'s, and lies in {attempt.learner.slug}'s folder"
    where = attempt.folder.parent.parent.name
    if header.scenario != where:
        yield f"the evidence is of {header.scenario}, and lies in the folder of {where}"


def _of_run(header: Header, run: Run | None, of: Class) -> Iterable[str]:
    if header.started < of.created:
        yield f"recorded {header.started:%Y-%m-%d %H:%M} UTC, before the class was made"
    if run is None:
        yield "the record of the run cannot be read, so nothing says that this evidence belongs to it"
        return
    begun = next((each for each in run.begun if each.challenge == header.challenge), None)
    if begun is None:
        yield "the evidence does not have the challenge of any run of theirs: it was recorded of another's"
    elif header.started < begun.started:
        yield f"recorded {header.started:%Y-%m-%d %H:%M} UTC, before its run began"
    elif not begun.challenge and header.namespace_uid != run.namespace_uid:
        # A reset may make the namespace anew; where there is a challenge, that says which run it is.
        yield "the evidence is of another namespace than this run's"
    if header.cluster.get("uid", "") != run.cluster_uid:
        yield "the evidence is of another cluster than this run's"


def _of_report(attempt: Attempt, known: Known) -> Iterable[str]:
    report, header = attempt.report, known.header
    if report.evidence != known.digest:
        yield "the report is about other evidence than what lies beside it"
    elif (report.scenario, report.learner, report.recorded) != (header.scenario, header.learner, header.started):
        yield "the report names another exercise, learner or time than its evidence"
    for each in (report, *report.apart):
        figures = score(each.checks)
        said = {"score": each.score, "max_score": each.max_score, "percent": each.percent, "passed": each.passed}
        if said != figures:
            made = f"its checks make {figures['score']} of {figures['max_score']}"
            yield f"the report says {each.score} of {each.max_score} points, {made}"


def _places(others: Iterable[Attempt]) -> str:
    return ", ".join(f"{each.learner.slug}, {each.exercise}, {each.folder.name}" for each in others)
