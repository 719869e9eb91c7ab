"""What every part speaks of: a check's verdict and result, and the report of one grading."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Verdict(StrEnum):
    """What came of a check."""

    PASS = "pass"  # noqa: S105
    """What the check states holds."""
    FAIL = "fail"
    """It does not hold."""
    ERROR = "error"
    """The grader could not tell: counts for neither side."""
    SKIP = "skip"
    """A check that it needs failed."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CheckResult(_Model):
    """One check's verdict, with the words that explain it."""

    id: str
    """The check's name, which never changes."""
    title: str
    """What the check states."""
    points: int
    """What it is worth; a check without points is a safeguard."""
    earned: int
    """`points` if it passed, else 0."""
    verdict: Verdict
    """What came of it."""
    needs: tuple[str, ...] = ()
    """The checks that had to pass before it."""
    expected: str = ""
    """What should be; of a fail."""
    actual: str = ""
    """What was found instead; of a fail."""
    help: str = ""
    """What to look at; of a fail."""
    reason: str = ""
    """Of an error or a skip."""


class Report(_Model):
    """All verdicts of one grading. The four figures of the score come from grading/score.py and nowhere else."""

    schema_version: Literal[2] = 2
    """The version of this format."""
    vlab: str
    """The version that graded."""
    scenario: str
    """The exercise's id, of a task too."""
    title: str
    """The exercise's title."""
    learner: str
    """Whose run it is."""
    parameters: dict[str, Any]
    """The exercise's parameters as they were drawn for the learner."""
    cluster: dict[str, Any]
    """Its provider, context, instance and uid."""
    recorded: datetime
    """When the evidence was recorded."""
    graded_at: datetime
    """When it was judged."""
    evidence: str
    """sha256 of the MANIFEST made anew from the evidence."""
    seal: str
    """'signed by KEYID', 'unsigned', or 'changed: FILE'."""
    checks: tuple[CheckResult, ...]
    """In the order in which they were judged."""
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
