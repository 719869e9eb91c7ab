"""What must be in each phase of a scenario's life: the one rule that gate, replay tests and mutation share."""

from collections.abc import Sequence

from vlab.catalog import Scenario
from vlab.model import CheckResult, Verdict

ALWAYS = ("healthy", "faulty", "solved", "reset")
"""Those that every scenario has."""


def phases(scenario: Scenario) -> tuple[str, ...]:
    """All that a scenario lives through, in its order; the names of its recorded runs but for `reset`."""
    healthy, faulty, solved, reset = ALWAYS
    return (healthy, faulty, solved, *mendings(scenario), reset)


def mendings(scenario: Scenario) -> tuple[str, ...]:
    """The phases that try another mending than the solution."""
    return (*(f"also-{name}" for name in scenario.also_right), *(f"wrong-{name}" for name in scenario.wrong))


def must_fail(scenario: Scenario, phase: str) -> str | None:
    """The check that must fail in a phase; None where all must pass.

    Raises:
        KeyError: the scenario has no such wrong mending.
    """
    kind, _, name = phase.partition("-")
    if kind == "faulty":
        return scenario.expected
    return scenario.wrong[name] if kind == "wrong" else None


def must(scenario: Scenario, phase: str) -> str:
    """The rule for a phase, in words."""
    failing = must_fail(scenario, phase)
    return "every check passes" if failing is None else f"{failing} fails, no check is in doubt"


def holds(scenario: Scenario, phase: str, checks: Sequence[CheckResult]) -> bool:
    """Whether a phase was judged as it must be. What must fail never earns full marks."""
    failing = must_fail(scenario, phase)
    verdicts = {c.id: c.verdict for c in checks}
    if failing is None:
        return bool(checks) and set(verdicts.values()) == {Verdict.PASS}
    return (
        verdicts.get(failing) is Verdict.FAIL
        and Verdict.ERROR not in verdicts.values()
        and any(c.earned < c.points for c in checks)
    )
