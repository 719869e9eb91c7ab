"""What is known of a watched exercise at one moment, and what has changed from one moment to the next."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from vlab.errors import Exit
from vlab.model import CheckResult, Verdict
from vlab.report import words

GRADED_WITH_LOAD = "graded with load"


@dataclass(frozen=True)
class State:
    """One moment. The checks are those of the last look; all else is of now."""

    checks: tuple[CheckResult, ...] = ()
    with_load: frozenset[str] = frozenset()
    """Those that a look without load cannot tell."""
    moving: str = ""
    """What moves still; it is looked at when that is over."""
    doing: str = ""
    """What a look is at."""
    problem: str = ""
    """Why it cannot be looked at."""
    looks: int = 0

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return bool(self.checks) and all(c.verdict is Verdict.PASS for c in self.checks)

    @property
    def code(self) -> Exit:
        """As `vlab grade` would end: 0, 1 or 6."""
        if self.passed:
            return Exit.OK
        failed = any(c.verdict is Verdict.FAIL for c in self.checks)
        return Exit.CHECKS_FAILED if failed else Exit.GRADER

    @property
    def in_doubt(self) -> bool:
        """Whether a check could not be told for another reason than that no load was sent."""
        return any(c.verdict is Verdict.ERROR and not self.waits_for_load(c) for c in self.checks)

    def waits_for_load(self, result: CheckResult) -> bool:
        """Whether it is for want of a load that a check could not be told."""
        return result.verdict is Verdict.ERROR and result.id in self.with_load


def tally(state: State) -> str:
    """How many passed."""
    if not state.checks:
        return "not looked at yet"
    passed = sum(c.verdict is Verdict.PASS for c in state.checks)
    return f"{passed} of {len(state.checks)} checks passed" + (": solved" if state.passed else "")


class Change(NamedTuple):
    """A verdict that is another one than before; `was` is empty at the first look."""

    result: CheckResult
    was: str
    with_load: bool


def changes(before: State, after: State) -> list[Change]:
    """What has turned."""
    old = {c.id: c.verdict for c in before.checks}
    turned = [c for c in after.checks if old.get(c.id) is not c.verdict]
    return [Change(c, str(old.get(c.id, "")), after.waits_for_load(c)) for c in turned]


def line(change: Change) -> str:
    """One line of a log, legible without colour."""
    result = change.result
    mark, word = words.MARKS[result.verdict]
    word = GRADED_WITH_LOAD if change.with_load else word
    was = f" (was {words.MARKS[Verdict(change.was)][1]})" if change.was else ""
    why = "" if change.with_load else result.actual or result.reason
    return one_line(f"{mark} {result.id}: {word}{was}: {result.title}" + (f"; {why}" if why else ""))


def as_json(change: Change) -> dict[str, Any]:
    """One line of JSON."""
    result = change.result.model_dump(mode="json", exclude={"needs", "earned"})
    reason = GRADED_WITH_LOAD if change.with_load else result["reason"]
    return {"kind": "verdict", **result, "reason": reason, "was": change.was or None, "with_load": change.with_load}


def one_line(text: str) -> str:
    """A text without line ends or anything else that is no mark on paper."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())
