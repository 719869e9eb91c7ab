"""What must be in each phase of an exercise's life: the one rule that gate, replay tests and mutation share."""

from collections.abc import Sequence

from vlab.catalog import Exercise, Task
from vlab.model import CheckResult, Verdict

ALWAYS = ("healthy", "faulty", "solved", "reset")
"""Those that every scenario has."""
ALWAYS_OF_TASK = ("untouched", "solved", "reset")
"""Those that every task has: nothing is broken in it, and it is not done by itself."""


def always(scenario: Exercise) -> tuple[str, ...]:
    """The phases that an exercise of its kind has, whatever its mendings are."""
    return ALWAYS_OF_TASK if isinstance(scenario, Task) else ALWAYS


def phases(scenario: Exercise) -> tuple[str, ...]:
    """All that an exercise lives through, in its order."""
    *first, reset = always(scenario)
    return (*first, *mendings(scenario), reset)


def recorded_phases(scenario: Exercise) -> tuple[str, ...]:
    """Those of which evidence is kept."""
    return tuple(name for name in phases(scenario) if name != "reset")


def mendings(scenario: Exercise) -> tuple[str, ...]:
    """The phases that try another way than the solution."""
    return (*(f"also-{name}" for name in scenario.also_right), *(f"wrong-{name}" for name in scenario.wrong))


def must_fail(scenario: Exercise, phase: str) -> str | None:
    """The check that must fail in a phase; None where all must pass.

    Raises:
        KeyError: the exercise has no such wrong way.
    """
    kind, _, name = phase.partition("-")
    if kind in ("faulty", "untouched"):
        return scenario.expected
    return scenario.wrong[name] if kind == "wrong" else None


def must(scenario: Exercise, phase: str) -> str:
    """The rule for a phase, in words."""
    failing = must_fail(scenario, phase)
    return "every check passes" if failing is None else f"{failing} fails, no check is in doubt"


def holds(scenario: Exercise, phase: str, checks: Sequence[CheckResult]) -> bool:
    """Whether a phase was judged as it must be."""
    failing = must_fail(scenario, phase)
    return passes(checks) if failing is None else fails(failing, checks)


def passes(checks: Sequence[CheckResult]) -> bool:
    """Whether every check passed."""
    return bool(checks) and all(c.verdict is Verdict.PASS for c in checks)


def fails(check: str, checks: Sequence[CheckResult]) -> bool:
    """Whether a check failed, no other is in doubt, and the run has not earned full marks."""
    verdicts = {c.id: c.verdict for c in checks}
    failed = verdicts.get(check) is Verdict.FAIL and Verdict.ERROR not in verdicts.values()
    return failed and any(c.earned < c.points for c in checks)
