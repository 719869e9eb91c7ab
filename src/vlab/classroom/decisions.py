"""What the teacher decided where the rubric was unsure: kept with the class, applied to reports, not written there."""

import getpass
import inspect
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pydantic
import yaml

from vlab import catalog, rubric, runs
from vlab.classroom import store
from vlab.classroom.model import Class
from vlab.classroom.results import Attempt
from vlab.classroom.trust import evidence_of
from vlab.errors import LabError
from vlab.evidence import Evidence
from vlab.grading import checks_in, score
from vlab.grading.notes import Written
from vlab.model import CheckResult, Report, Verdict

Decided = Literal["pass", "fail"]
WRITTEN = ("recommendation", "diagnosis")
"""What a learner writes and the rubric judges; a check that asks for one of them is a criterion."""
_FILE = "decisions.json"


class Decision(pydantic.BaseModel, frozen=True, extra="forbid"):
    """One criterion of one text, decided by a person."""

    learner: str
    exercise: str
    criterion: str
    """The id of the check: change-acts."""
    verdict: Decided
    because: str
    who: str
    when: pydantic.AwareDatetime
    evidence: str
    """The digest of the evidence that it is about: it says nothing about any other."""

    def __str__(self) -> str:
        return f"{self.criterion}: {self.verdict}, decided by the teacher ({self.who}): {self.because}"


class Decisions(pydantic.BaseModel, frozen=True, extra="forbid"):
    """decisions.json: all that was decided in a class, the newest last."""

    schema_version: Literal[1] = 1
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True)
class Open:
    """A criterion that the rubric is unsure about, or that was decided."""

    attempt: Attempt
    criterion: str
    title: str
    written: str
    """Which text: recommendation or diagnosis."""
    said: str
    """What the rubric said, with the learner's words that it could not decide."""
    decision: Decision | None = None

    @property
    def file(self) -> Path:
        """The learner's text."""
        return self.attempt.folder / "evidence" / "answers" / f"{self.written}.md"


def kept(of: Class) -> tuple[Decision, ...]:
    """What was decided in a class.

    Raises:
        LabError: it cannot be read.
    """
    file = of.folder / _FILE
    try:
        return Decisions.model_validate_json(file.read_bytes()).decisions
    except FileNotFoundError:
        return ()
    except (OSError, pydantic.ValidationError) as e:
        said = e.strerror if isinstance(e, OSError) else e.errors()[0]["msg"]
        raise LabError(f"{file} cannot be read: {said}", "move it away, or update vlab") from None


def keep(of: Class, made: Decision) -> None:
    """Keep a decision; an earlier one about the same criterion of the same evidence gives way.

    Raises:
        LabError: what was decided before cannot be read.
    """
    with store.at_work(of.name, "deciding"):
        others = [each for each in kept(of) if _about(each) != _about(made)]
        text = Decisions(decisions=(*others, made)).model_dump_json(indent=2)
        runs.write_whole(of.folder / _FILE, text)


def decide(attempt: Attempt, criterion: str, verdict: Decided, because: str) -> Decision:
    """A decision about a criterion of a grading, by whoever runs this.

    Raises:
        LabError: the grading has no such criterion, or the rubric was not unsure about it.
    """
    wanted = criterion.replace("_", "-")
    known = {check.id: check for _, check in _criteria(attempt.report)}
    who = f"{attempt.learner.slug}'s {attempt.exercise}"
    if wanted not in known:
        there = f"its criteria are: {', '.join(known)}" if known else "nothing written is among what was graded there"
        raise LabError(f"{who} has no criterion {criterion!r}", f"{there}; `vlab class unsure` lists what is open")
    if known[wanted].verdict is not Verdict.ERROR:
        raise LabError(
            f"the rubric is not unsure about {wanted} of {who}: {known[wanted].verdict}",
            "only what it is unsure about is decided by hand; `vlab class unsure` lists that",
        )
    if not because.strip():
        raise LabError("a decision needs its reason", "say it with --because TEXT: the learner may ask")
    return Decision(
        learner=attempt.learner.slug,
        exercise=attempt.exercise,
        criterion=wanted,
        verdict=verdict,
        because=because.strip(),
        who=_user(),
        when=datetime.now(UTC).replace(microsecond=0),
        evidence=attempt.report.evidence,
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # of an account without a name
        return "unknown"


def concerning(attempt: Attempt, decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """Those that are about a grading's evidence."""
    place = (attempt.learner.slug, attempt.exercise, attempt.report.evidence)
    return tuple(d for d in decisions if (d.learner, d.exercise, d.evidence) == place)


def with_decisions(attempt: Attempt, decisions: Iterable[Decision]) -> Attempt:
    """The grading as it counts: its report with what was decided about its evidence."""
    about = concerning(attempt, decisions)
    return replace(attempt, report=applied(attempt.report, about)) if about else attempt


def applied(report: Report, decisions: Sequence[Decision]) -> Report:
    """A report in which decided criteria have the teacher's verdict, and the score that follows.

    A decision stands whatever the rubric says of the same evidence later: it is a person's, who has read it.
    """
    by_id = {each.criterion: each for each in decisions}
    checks = tuple(_decided(c, by_id[c.id]) if c.id in by_id else c for c in report.checks)
    apart = tuple(applied(each, decisions) for each in report.apart)
    changed = {"checks": checks, "apart": apart}
    figures = dict(score.score(checks)) if checks != report.checks else {}
    return report.model_copy(update=changed | figures)


def _decided(check: CheckResult, decision: Decision) -> CheckResult:
    verdict = Verdict(decision.verdict)
    words = f"decided by the teacher: {decision.because}"
    failed = {"expected": check.title, "actual": words} if verdict is Verdict.FAIL else {"expected": "", "actual": ""}
    earned = score.earned(verdict, check.points)
    return check.model_copy(update={"verdict": verdict, "earned": earned, "reason": words, **failed})


def unsure(attempts: Iterable[Attempt], decisions: Sequence[Decision]) -> list[Open]:
    """The criteria of gradings about which the rubric was unsure, with what was decided of them."""
    found = []
    for attempt in attempts:
        about = {d.criterion: d for d in concerning(attempt, decisions)}
        for written, check in _criteria(attempt.report):
            if check.verdict is Verdict.ERROR or check.id in about:
                decision = about.get(check.id)
                found.append(Open(attempt, check.id, check.title, written, check.reason, decision))
    return found


def _criteria(report: Report) -> list[tuple[str, CheckResult]]:
    """What was judged by the rubric: which text, and the result."""
    try:
        exercise = catalog.exercise(report.scenario)
    except LabError:  # one that this vlab does not have
        return []
    graders = checks_in(*exercise.graders), *(checks_in(f) for f in exercise.graders_apart.values())
    asks = {c.id: _text_of(inspect.signature(c.function).parameters) for checks in graders for c in checks}
    every = [c for each in (report, *report.apart) for c in each.checks]
    return [(text, c) for c in every if (text := asks.get(c.id))]


def _text_of(parameters: Iterable[str]) -> str:
    return next((name for name in parameters if name in WRITTEN), "")


def labelled(attempt: Attempt, decided: Sequence[Open]) -> dict[str, object]:
    """One text with its verdicts as labels, in the form of tests/rubric_texts: numbers of the run are placeholders.

    Args:
        decided: what was decided of this text; the other labels are the rubric's.

    Raises:
        LabError: the evidence or the text cannot be read.
    """
    evidence, exercise, written = evidence_of(attempt), catalog.exercise(attempt.exercise), decided[0].written
    text = Written(evidence).note(f"{written}.md").prose.strip()
    judge = rubric.check if written == "recommendation" else rubric.diagnose
    verdicts = {c.id: c.verdict for c in judge(text, exercise, evidence).criteria}
    verdicts |= {o.criterion.replace("-", "_"): o.decision.verdict for o in decided if o.decision is not None}
    labels = {name: None if verdict is None else verdict == "pass" for name, verdict in verdicts.items()}
    because = "; ".join(
        f"{o.criterion} by the teacher: {o.decision.because}" for o in decided if o.decision is not None
    )
    return {
        "id": f"{exercise.id}-{written}-{attempt.report.evidence[:12]}",
        "scenario": exercise.rubric or exercise.id,
        "style": f"a learner's {written}",
        "text": with_placeholders(text, evidence),
        "labels": labels,
        "passes": False not in labels.values(),
        "why": f"{because}. The other labels are the rubric's verdicts: read them again.",
    }


def with_placeholders(text: str, evidence: Evidence) -> str:
    """A text with the names of figures for the run's numbers, where a number is one figure's alone."""
    by_value: dict[str, list[str]] = {}
    for name, value in rubric.figures(evidence).items():
        by_value.setdefault(str(value), []).append(name)
    for number, names in sorted(by_value.items(), key=lambda pair: -len(pair[0])):
        if len(names) == 1 and len(number) > 1:  # one digit stands in many a text for something else
            text = _replaced(text, number, f"{{{{{names[0]}}}}}")
    return text


def _replaced(text: str, number: str, by: str) -> str:
    return re.sub(rf"(?<![\w.,{{]){re.escape(number)}(?![\w}}]|[.,]\d)", by, text)


def export(cases: Sequence[Open], folder: Path) -> list[Path]:
    """Write each text of which something was decided as a labelled text; those of diagnoses into a folder of their own.

    Raises:
        LabError: a text cannot be read or written.
    """
    by_text: dict[tuple[Path, str], list[Open]] = {}
    for each in cases:
        if each.decision is not None:
            by_text.setdefault((each.attempt.folder, each.written), []).append(each)
    written = []
    for (_, of), decided in by_text.items():
        case = labelled(decided[0].attempt, decided)
        file = (folder if of == "recommendation" else folder / of) / f"{case['id']}.yaml"
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            runs.write_whole(file, yaml.dump(case, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000))
        except OSError as e:
            raise LabError(f"cannot write {file}: {e.strerror}", "name a folder that you may write to") from None
        written.append(file)
    return written


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, as people write them."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def _about(decision: Decision) -> tuple[str, ...]:
    return decision.learner, decision.exercise, decision.criterion, decision.evidence
