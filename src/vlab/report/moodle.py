"""A gradebook as Moodle imports it: the teacher says there by which column it knows learners."""

from collections.abc import Sequence

from vlab.report.gradebook import Column, Row, points, written

IDENTITY = ("First name", "Last name", "ID number", "Username", "Email address")
"""As Moodle's own export calls them, so that it finds them by itself."""


def text(columns: Sequence[Column], rows: Sequence[Row], *, bom: bool = False) -> str:
    """A CSV file: the items' names, and a line a learner. What an item is worth Moodle keeps itself."""
    head = [*IDENTITY, *(c.name for c in columns)]
    lines = [
        [
            *(r.first_name, r.last_name or r.name, r.sis_id, r.login, r.email),
            *(points(r.scores.get(c.name)) for c in columns),
        ]
        for r in rows
    ]
    return written([head, *lines], bom=bom)
