"""The report for a terminal, legible without colour."""

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from vlab.report.model import CheckResult, Report, Verdict

_MARKS = {
    Verdict.PASS: ("✓ pass ", "green"),
    Verdict.FAIL: ("✗ fail ", "bold red"),
    Verdict.ERROR: ("? error", "yellow"),
    Verdict.SKIP: ("- skip ", "dim"),
}


def render(report: Report) -> RenderableType:
    """All checks with their explanations, then the score."""
    lines: list[RenderableType] = [Text(f"{report.scenario}: {report.title}", style="bold"), Text()]
    for result in report.checks:
        lines += _lines(result)
    lines += [Text(), _verdict(report)]
    return Group(*lines)


def _lines(result: CheckResult) -> list[RenderableType]:
    mark, style = _MARKS[result.verdict]
    head = Text.assemble((mark, style), f"  {result.title}  ", (f"{result.id}, {_worth(result.points)}", "dim"))
    said = {
        "expected": result.expected,
        "found": result.actual,
        "help": result.help,
        "because": result.reason,
    }
    return [
        head,
        *(Padding(Text.assemble((f"{w}: ", "bold"), text), (0, 0, 0, 9)) for w, text in said.items() if text),
    ]


def _worth(points: int) -> str:
    return _points(points) if points else "safeguard"


def _points(points: int) -> str:
    return "1 point" if points == 1 else f"{points} points"


def _verdict(report: Report) -> Text:
    score = f"{report.score} of {_points(report.out_of)}"
    if report.passed:
        return Text(f"{score}: solved", style="bold green")
    if report.undecided:
        return Text(f"{score}; some checks could not be told, which counts for neither side", style="yellow")
    return Text(f"{score}: not solved yet", style="bold")
