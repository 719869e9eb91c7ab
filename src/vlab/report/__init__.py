"""The outcome of one grading, and one small renderer for each format of it."""

from importlib import import_module

from vlab.errors import LabError
from vlab.evidence import Evidence
from vlab.model import Report

FORMATS = {
    "terminal": "vlab.report.terminal",
    "json": "vlab.report.json_",
    "junit": "vlab.report.junit",
    "html": "vlab.report.html",
    "gradescope": "vlab.report.gradescope",
    "prairielearn": "vlab.report.prairielearn",
    "classroom50": "vlab.report.classroom50",
    "step-summary": "vlab.report.step_summary",
}
"""By name the module whose `text(report, evidence)` renders it; imported when it is first used."""


def render(report: Report, evidence: Evidence | None, format: str) -> str:
    """A report as text.

    Args:
        evidence: what it was graded from; HTML and the terminal show some of it, and do without if there is none.
        format: one of FORMATS.

    Raises:
        LabError: there is no such format.
    """
    if format not in FORMATS:
        raise LabError(f"there is no report format {format!r}", f"there are: {', '.join(FORMATS)}")
    text: str = import_module(FORMATS[format]).text(report, evidence)
    return text
