"""Runs checks over evidence and turns whatever happens into verdicts."""

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from vlab import __version__
from vlab.catalog import Exercise
from vlab.errors import LabError
from vlab.evidence import CannotTell, Evidence
from vlab.grading import score
from vlab.grading.check import Check, Mismatch
from vlab.grading.load import checks_in, resolve
from vlab.grading.notes import Written
from vlab.grading.views import WITH_LOAD, Views, collectors
from vlab.model import CheckResult, Report, Verdict

_WORDS_CHARS = 2000
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")


def grade(evidence: Evidence, grader: Path | Sequence[Path] | str, title: str = "") -> Report:
    """Judge evidence by every check of grader files, or of the grader of a task or scenario.

    Raises:
        LabError: a grader makes no sense, or the evidence is not of a version that this vlab knows.
    """
    return report(evidence, judge_all(checks_in(*resolve(grader)), evidence), title)


def grade_exercise(evidence: Evidence, exercise: Exercise) -> Report:
    """Judge evidence by an exercise's checks, and apart from them what was written beside it.

    Raises:
        LabError: as `grade`.
    """
    written = [name for name in exercise.graders_apart if Written(evidence).holds(f"{name}.md")]
    apart = tuple(grade(evidence, exercise.graders_apart[name], name) for name in written)
    return grade(evidence, exercise.graders, exercise.title).model_copy(update={"apart": apart})


def judge_all(checks: Iterable[Check], evidence: Evidence) -> tuple[CheckResult, ...]:
    """The verdicts of checks that come after those they need."""
    views = Views(evidence)
    results: dict[str, CheckResult] = {}
    for each in checks:
        results[each.id] = judge(each, views, results)
    return tuple(results.values())


def waits_for_load(checks: Iterable[Check], evidence: Evidence) -> bool:
    """Whether evidence without a load leaves something open that a load could tell."""
    views = Views(evidence)
    results: dict[str, CheckResult] = {}
    for each in checks:
        if collectors(each) & WITH_LOAD and _lacking(each, results) is None:
            return True
        results[each.id] = judge(each, views, results)
    return False


def judge(each: Check, views: Views, before: Mapping[str, CheckResult]) -> CheckResult:
    """The verdict of one check, given those of the checks that it needs.

    Raises:
        LabError: the evidence itself is not what it must be; that is no verdict.
    """
    if lacking := _lacking(each, before):
        return lacking
    try:
        each.function(**{name: views[name] for name in inspect.signature(each.function).parameters})
    except AssertionError as e:
        return _not_so(each, e, views["evidence"].header.settled.moving)
    except CannotTell as e:
        return _result(each, Verdict.ERROR, reason=str(e) or "the check did not say why")
    except (LabError, KeyboardInterrupt):
        raise
    except BaseException as e:  # pytest.fail and sys.exit are no Exceptions
        return _result(each, Verdict.ERROR, reason=f"the grader itself failed: {type(e).__name__}: {e}")
    return _result(each, Verdict.PASS)


def _lacking(each: Check, before: Mapping[str, CheckResult]) -> CheckResult | None:
    """What comes of a check that another must pass before, or None if all have.

    One that failed decides: nothing that is still in doubt could make up for it.
    """
    by_verdict = {before[need].verdict: need for need in reversed(each.needs)}
    for verdict in (Verdict.FAIL, Verdict.SKIP):
        if verdict in by_verdict:
            return _result(each, Verdict.SKIP, reason=f"{by_verdict[verdict]} must pass first")
    if Verdict.ERROR in by_verdict:
        return _result(each, Verdict.ERROR, reason=f"{by_verdict[Verdict.ERROR]} could not be told")
    return None


def _not_so(each: Check, error: AssertionError, moving: str) -> CheckResult:
    """A fail, unless something still moved: then it may become so yet."""
    if moving:
        return _result(each, Verdict.ERROR, reason=f"still moving: {moving}")
    if isinstance(error, Mismatch):
        return _result(each, Verdict.FAIL, expected=error.expected, actual=error.actual, help=error.help or each.help)
    found = str(error) or "that it does not hold"
    return _result(each, Verdict.FAIL, expected=each.title, actual=found, help=each.help)


def _result(each: Check, verdict: Verdict, **words: str) -> CheckResult:
    return CheckResult(
        id=each.id,
        title=each.title,
        points=each.points,
        earned=score.earned(verdict, each.points),
        verdict=verdict,
        needs=each.needs,
        **{name: legible(text) for name, text in words.items()},
    )


def legible(text: object) -> str:
    """Words that may have come from a learner's container, fit for every format: no control characters, not endless."""
    clean = _CONTROLS.sub("", str(text)).encode(errors="replace").decode().strip()
    if len(clean) <= _WORDS_CHARS:
        return clean
    return f"{clean[:_WORDS_CHARS]} [and {len(clean) - _WORDS_CHARS} characters more]"


def report(evidence: Evidence, results: Sequence[CheckResult], title: str = "") -> Report:
    """The report of one grading."""
    header = evidence.header
    return Report(
        vlab=__version__,
        scenario=header.scenario,
        title=title,
        learner=header.learner,
        parameters=header.parameters,
        cluster=header.cluster,
        recorded=header.started,
        graded_at=datetime.now(UTC).replace(microsecond=0),
        evidence=evidence.digest,
        seal=str(evidence.seal),
        checks=tuple(results),
        **score.score(results),
    )
