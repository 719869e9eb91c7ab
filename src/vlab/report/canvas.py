"""A gradebook as Canvas imports it."""

from collections.abc import Sequence

from vlab.report.gradebook import Column, Row, points, written

IDENTITY = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
"""The columns that Canvas knows learners by, in the order of its own export; one of the three ids must be there."""


def text(columns: Sequence[Column], rows: Sequence[Row], *, bom: bool = False) -> str:
    """A CSV file: the assignments' names, what each is worth, and a line a learner."""
    head = [*IDENTITY, *(c.name for c in columns)]
    possible = ["    Points Possible", "", "", "", "", *(points(c.possible) for c in columns)]
    lines = [
        [r.name, r.id, r.sis_id, r.login, r.section, *(points(r.scores.get(c.name)) for c in columns)] for r in rows
    ]
    return written([head, possible, *lines], bom=bom)
