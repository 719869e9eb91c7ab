"""The one score formula. Every report and every format shows what comes from here.

A check that passed earns its points, one that failed or was skipped earns none. A check that could not be told
counts for neither side: it earns nothing and is taken out of what can be earned; where nothing is left, there is no
percentage. A grading is passed if every check passed.
"""

from collections.abc import Sequence
from typing import TypedDict

from vlab.model import CheckResult, Verdict


class Score(TypedDict):
    """The figures of a report."""

    score: int
    max_score: int
    percent: float | None
    passed: bool


def earned(verdict: Verdict, points: int) -> int:
    """Points for one check."""
    return points if verdict is Verdict.PASS else 0


def score(checks: Sequence[CheckResult]) -> Score:
    """The figures for all checks of a grading."""
    got = sum(c.earned for c in checks)
    possible = sum(c.points for c in checks if c.verdict is not Verdict.ERROR)
    passed = bool(checks) and all(c.verdict is Verdict.PASS for c in checks)
    return Score(
        score=got, max_score=possible, percent=round(100 * got / possible, 1) if possible else None, passed=passed
    )
