"""Runs the checks of a grader file over evidence and turns whatever happens into verdicts."""

import importlib.util
import inspect
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from vlab import __version__
from vlab.evidence import CannotTell, Evidence
from vlab.grading.check import Check, Mismatch
from vlab.grading.views import VIEWS
from vlab.report.model import CheckResult, Report, Verdict


@cache
def checks_in(file: Path) -> tuple[Check, ...]:
    """The checks of a grader file, each after those it needs.

    Raises:
        ValueError: two checks of one id, a need that is not there, or needs in a circle.
    """
    spec = importlib.util.spec_from_file_location(f"vlab_graders.{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ValueError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = [member.check for member in vars(module).values() if hasattr(member, "check")]
    return _ordered(file, found)


def _ordered(file: Path, found: Iterable[Check]) -> tuple[Check, ...]:
    by_id: dict[str, Check] = {}
    for each in found:
        if each.id in by_id:
            raise ValueError(f"{file}: two checks are called {each.id}")
        by_id[each.id] = each
    for each in by_id.values():
        if missing := [n for n in each.needs if n not in by_id]:
            raise ValueError(f"{file}: {each.id} needs {missing[0]}, which is no check")
    try:
        order = TopologicalSorter({c.id: c.needs for c in by_id.values()}).static_order()
        ranks = {identifier: rank for rank, identifier in enumerate(order)}
    except CycleError as e:
        raise ValueError(f"{file}: checks need each other in a circle: {' -> '.join(e.args[1])}") from e
    written = list(by_id)
    return tuple(sorted(by_id.values(), key=lambda c: (_depth(c, by_id), written.index(c.id), ranks[c.id])))


def _depth(each: Check, by_id: Mapping[str, Check]) -> int:
    return 1 + max((_depth(by_id[n], by_id) for n in each.needs), default=0)


def judge(each: Check, evidence: Evidence, before: Mapping[str, Verdict]) -> CheckResult:
    """The verdict of one check, given those of the checks that it needs."""
    lacking = [n for n in each.needs if before.get(n) is not Verdict.PASS]
    if lacking:
        return _result(each, Verdict.SKIP, reason=f"{lacking[0]} must pass first")
    try:
        each.function(**{name: VIEWS[name](evidence) for name in inspect.signature(each.function).parameters})
    except Mismatch as e:
        return _result(each, Verdict.FAIL, expected=e.expected, actual=e.actual, help=each.help)
    except AssertionError as e:
        return _result(each, Verdict.FAIL, expected=each.title, actual=str(e), help=each.help)
    except CannotTell as e:
        return _result(each, Verdict.ERROR, reason=str(e))
    except Exception as e:
        return _result(each, Verdict.ERROR, reason=f"the grader itself failed: {type(e).__name__}: {e}")
    return _result(each, Verdict.PASS)


def _result(each: Check, verdict: Verdict, **words: str) -> CheckResult:
    return CheckResult(id=each.id, title=each.title, points=each.points, verdict=verdict, needs=each.needs, **words)


def grade(evidence: Evidence, grader: Path, title: str = "") -> Report:
    """Judge every check of a grader file."""
    verdicts: dict[str, Verdict] = {}
    results = []
    for each in checks_in(grader):
        result = judge(each, evidence, verdicts)
        verdicts[each.id] = result.verdict
        results.append(result)
    header = evidence.header
    return Report(
        vlab=__version__,
        scenario=header.scenario,
        title=title,
        learner=header.learner,
        parameters=header.parameters,
        recorded=header.started,
        graded=datetime.now(UTC).replace(microsecond=0),
        checks=tuple(results),
    )
