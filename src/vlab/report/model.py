"""The report: verdicts and score. The score is computed here and nowhere else."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, computed_field


class Verdict(StrEnum):
    """What came of a check."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    ERROR = "error"
    """The grader could not tell: counts for neither side."""
    SKIP = "skip"
    """A check that it needs did not pass."""


class CheckResult(BaseModel):
    """One check's verdict, with the words that explain it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    title: str
    points: int
    verdict: Verdict
    needs: tuple[str, ...] = ()
    expected: str = ""
    actual: str = ""
    help: str = ""
    reason: str = ""
    """Of an error or a skip."""


class Report(BaseModel):
    """All verdicts of one grading."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: Literal[1] = 1
    vlab: str
    scenario: str
    title: str
    learner: str
    parameters: dict[str, Any]
    recorded: datetime
    graded: datetime
    checks: tuple[CheckResult, ...]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def score(self) -> int:
        """Points of the checks that passed."""
        return sum(c.points for c in self.checks if c.verdict is Verdict.PASS)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def out_of(self) -> int:
        """Points of all checks but those that could not be told: these count for neither side."""
        return sum(c.points for c in self.checks if c.verdict is not Verdict.ERROR)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def passed(self) -> bool:
        """Whether every check passed. A check that could not be told is not a pass."""
        return all(c.verdict is Verdict.PASS for c in self.checks)

    @property
    def undecided(self) -> bool:
        """Whether nothing failed, but something could not be told."""
        verdicts = {c.verdict for c in self.checks}
        return Verdict.ERROR in verdicts and Verdict.FAIL not in verdicts
