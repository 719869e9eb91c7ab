"""Words that several formats use for the same thing, so that they cannot differ."""

from vlab.model import CheckResult, Report, Verdict

MARKS = {
    Verdict.PASS: ("✓", "pass"),
    Verdict.FAIL: ("✗", "fail"),
    Verdict.ERROR: ("?", "could not tell"),
    Verdict.SKIP: ("-", "skipped"),
}
"""A sign and a word for each verdict: never colour alone."""


def points(number: int) -> str:
    """'1 point', '3 points'."""
    return "1 point" if number == 1 else f"{number} points"


def worth(result: CheckResult) -> str:
    """What a check is worth; one that earns nothing is a safeguard."""
    return points(result.points) if result.points else "safeguard"


def outcome(report: Report) -> str:
    """The score and what it means, in one line."""
    share = " (no percentage: nothing could be told)" if report.percent is None else f" ({report.percent:g}%)"
    score = f"{report.score} of {points(report.max_score)}{share}"
    if report.passed:
        return f"{score}: solved"
    if report.undecided:
        return f"{score}; some checks could not be told, which counts for neither side"
    return f"{score}: not solved yet"


def explanations(result: CheckResult) -> dict[str, str]:
    """What there is to say about a verdict, by what it is."""
    said = {"expected": result.expected, "found": result.actual, "help": result.help, "because": result.reason}
    return {word: text for word, text in said.items() if text}
