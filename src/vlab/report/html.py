"""The report as one HTML file that needs nothing from anywhere, in a light and a dark theme."""

from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from vlab.evidence import CannotTell, Collected, Evidence
from vlab.model import Report
from vlab.report import measured, words
from vlab.report.changes import Change, changes

_TEMPLATE = Path(__file__).with_name("report.html.j2")
_OPEN_LINES = 40
"""A diff of so many lines is shown unfolded."""


def text(report: Report, evidence: Evidence | None = None) -> str:
    """The whole page. Without evidence it has the verdicts only."""
    from vlab.report.plots import plots

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    return environment.from_string(_TEMPLATE.read_text()).render(
        report=report,
        words=words,
        facts=_facts(report),
        changes=_changes(evidence),
        open_lines=_OPEN_LINES,
        rows=_rows(evidence),
        notes=measured.notes(evidence) if evidence else [],
        caption=measured.CAPTION,
        plots=[(p.title, p.summary, Markup(p.svg)) for p in (plots(evidence) if evidence else [])],  # noqa: S704 - ours
        missing=_missing(evidence),
        styles={"@": "where", "+": "new", "-": "old"},
    )


def _facts(report: Report) -> dict[str, str]:
    cluster = ", ".join(f"{k} {v}" for k, v in report.cluster.items() if v)
    found = {
        "Exercise": report.scenario,
        "Learner": report.learner,
        "Parameters": ", ".join(f"{k} = {v}" for k, v in report.parameters.items()),
        "Cluster": cluster,
        "Recorded": f"{report.recorded:%Y-%m-%d %H:%M:%S %Z}",
        "Graded": f"{report.graded_at:%Y-%m-%d %H:%M:%S %Z} by vlab {report.vlab}",
        "Evidence": f"sha256 {report.evidence}, {report.seal}",
    }
    return {name: value for name, value in found.items() if value}


def _changes(evidence: Evidence | None) -> list[Change] | None:
    """None if it is not known."""
    try:
        return None if evidence is None else changes(evidence.start, evidence.objects)
    except CannotTell:
        return None


def _rows(evidence: Evidence | None) -> list[measured.Row]:
    return [*measured.rows(evidence).values()] if evidence else []


def _missing(evidence: Evidence | None) -> dict[str, Collected]:
    """Collectors that failed."""
    return {} if evidence is None else {n: c for n, c in evidence.header.collectors.items() if not c.ok}
