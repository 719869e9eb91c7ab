"""The gradebook as one HTML file that needs nothing from anywhere: a table to read, to search and to print."""

from pathlib import Path

from jinja2 import Environment, StrictUndefined

from vlab.classroom.gradebook import Entry, Gradebook, Mark

_TEMPLATE = Path(__file__).with_name("gradebook.html.j2")


def text(book: Gradebook) -> str:
    """The whole page."""
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    return environment.from_string(_TEMPLATE.read_text()).render(
        book=book,
        verdict=verdict,
        share=share,
        untrusted=[(row, e) for row in book.rows for e in row.entries if e.trust],
        decided=[(row, e) for row in book.rows for e in row.entries if e.decisions],
    )


def verdict(entry: Entry | None) -> tuple[str, str]:
    """What came of an exercise in a word, and the kind of it."""
    if entry is None:
        return "not graded", "none"
    if entry.mark is None:
        return ("late" if entry.late else "not trusted") + ", does not count", "error"
    if entry.mark.passed:
        return "solved", "pass"
    return ("not all could be told", "error") if entry.mark.unsure else ("not solved", "fail")


def share(mark: Mark | None) -> str:
    """'87.5%', or that there is none."""
    return "" if mark is None else "no percentage" if mark.percent is None else f"{mark.percent:g}%"
