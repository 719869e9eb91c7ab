"""The report as JSON, as reports are kept; its schema is in the reference."""

from vlab.evidence import Evidence
from vlab.model import Report


def text(report: Report, _: Evidence | None = None) -> str:
    """One JSON object and a newline."""
    return report.model_dump_json(indent=2) + "\n"
