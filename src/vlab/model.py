"""What every part speaks of: a check's verdict and result, and the report of one grading."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Verdict(StrEnum):
    """What came of a check."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    ERROR = "error"
    """The grader could not tell: counts for neither side."""
    SKIP = "skip"
    """A check that it needs failed."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CheckResult(_Model):
    """One check's verdict, with the words that explain it."""

    id: str
    title: str
    points: int
    earned: int
    """`points` if it passed, else 0."""
    verdict: Verdict
    needs: tuple[str, ...] = ()
    expected: str = ""
    actual: str = ""
    help: str = ""
    """What to look at; of a fail."""
    reason: str = ""
    """Of an error or a skip."""


class Report(_Model):
    """All verdicts of one grading. The four figures of the score come from grading/score.py and nowhere else."""

    schema_version: Literal[2] = 2
    vlab: str
    """The version that graded."""
    scenario: str
    title: str
    learner: str
    parameters: dict[str, Any]
    cluster: dict[str, Any]
    recorded: datetime
    graded_at: datetime
    evidence: str
    """sha256 of the MANIFEST made anew from the evidence."""
    seal: str
    """'signed by KEYID', 'unsigned', or 'changed: FILE'."""
    checks: tuple[CheckResult, ...]
    score: int
    """Points earned."""
    max_score: int
    """Points of all checks but those that could not be told."""
    percent: float | None
    """Of max_score, with one decimal; None if nothing could be told."""
    passed: bool
    """Every check passed. A check that could not be told is no pass."""
    apart: tuple["Report", ...] = ()
    """What was written beside the mending, a report each, with a score of its own that is no part of this one."""

    @property
    def undecided(self) -> bool:
        """Whether nothing failed, but something could not be told."""
        verdicts = {c.verdict for c in self.checks}
        return Verdict.ERROR in verdicts and Verdict.FAIL not in verdicts
