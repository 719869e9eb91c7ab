"""The report for a terminal, legible without colour."""

import io

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from vlab.evidence import Evidence
from vlab.model import CheckResult, Report, Verdict
from vlab.report import measured, words

_STYLES = {Verdict.PASS: "green", Verdict.FAIL: "bold red", Verdict.ERROR: "yellow", Verdict.SKIP: "dim"}


def text(report: Report, evidence: Evidence | None = None, width: int = 100) -> str:
    """What `render` shows, as text without colour."""
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False)
    with console.capture() as capture:
        console.print(render(report, evidence))
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def render(report: Report, evidence: Evidence | None = None) -> RenderableType:
    """All checks with their explanations, what was measured if there is evidence of it, then the score."""
    head = Text(": ".join(filter(None, (report.scenario, report.title))), "bold")
    outcome = Text(words.outcome(report), _outcome_style(report))
    seal = Text(f"evidence: {report.seal}", "bold red" if report.seal.startswith("changed") else "dim")
    apart = [each for written in report.apart for each in _apart(written)]
    return Group(head, Text(), _checks(report), Text(), *_measured(evidence), outcome, *apart, seal)


def _checks(report: Report) -> Table:
    checks = Table.grid(padding=(0, 2, 0, 0))
    checks.add_column(no_wrap=True)
    checks.add_column(overflow="fold")
    for result in report.checks:
        checks.add_row(Text(" ".join(words.MARKS[result.verdict]), _STYLES[result.verdict]), _said(result))
    return checks


def _apart(report: Report) -> list[RenderableType]:
    head = Text(f"Your {report.title}, with a score of its own", "bold")
    return [Text(), head, Text(), _checks(report), Text(), Text(words.outcome(report), _outcome_style(report)), Text()]


def _measured(evidence: Evidence | None) -> list[RenderableType]:
    """The figures before and now, and what must be known beside them."""
    if evidence is None:
        return []
    rows, notes = measured.rows(evidence), measured.notes(evidence)
    found: list[RenderableType] = [Text(note, "yellow") for note in notes]
    return [*([measured.compared(rows)] if rows else []), *found, *([Text()] if rows or notes else [])]


def _said(result: CheckResult) -> Text:
    lines = [Text.assemble(f"{result.title}  ", (f"{result.id}, {words.worth(result)}", "dim"))]
    lines += [Text.assemble((f"{word}: ", "bold"), said) for word, said in words.explanations(result).items()]
    return Text("\n").join(lines)


def _outcome_style(report: Report) -> str:
    if report.passed:
        return "bold green"
    return "yellow" if report.undecided else "bold"
