"""The gradebook as Canvas and Moodle import it: percent, 0 to 100; a cell without a grading is empty or `-`.

A spreadsheet takes a cell that begins with = + - @, a tab or a carriage return for a formula. Such a cell gets a quote
in front, unless it is a plain number. That is so for identity columns too, and an importer then does not find that
learner: `quoted` names them, for nobody is called so without a reason.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence

from vlab.classroom.gradebook import Gradebook, Mark, Row
from vlab.classroom.roster import HEADINGS
from vlab.errors import LabError

POINTS = "100"
"""Of each column; the cells are percent."""
CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
"""The columns that Canvas looks for, in its order."""
MOODLE = {"Username": "login", "ID number": "id", "Email address": "email"}
"""What Moodle can find a user by, and what a roster calls it otherwise."""
_SIGNS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The last four are the same signs in full width, which some spreadsheets take as well."""
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")


def canvas(book: Gradebook) -> str:
    """As Canvas' gradebook imports it: who it is, a row of points possible, a column for each assignment."""
    columns = book.columns()
    lines = [[*CANVAS, *map(_heading, columns)], ["    Points Possible", "", "", "", "", *[POINTS for _ in columns]]]
    lines += [[*_of_canvas(row), *_cells(row, columns, "")] for row in book.rows]
    return _text(lines)


def moodle(book: Gradebook) -> str:
    """As Moodle's gradebook imports it: what users are found by, and a column for each grade item; with a mark of
    UTF-8, which Moodle takes off and Excel needs.

    Raises:
        LabError: the roster has nothing that Moodle finds a user by.
    """
    columns = book.columns()
    found = {name: [_given(row.columns, name, meaning) for row in book.rows] for name, meaning in MOODLE.items()}
    names = [name for name, values in found.items() if any(values)]
    if not names:
        raise LabError(
            "the roster has no user name, ID number or address, and Moodle finds nobody by anything else",
            "make the class of a roster with one of these columns; `--format json` has everything",
        )
    lines = [[*names, *map(_heading, columns)]]
    for number, row in enumerate(book.rows):
        lines.append([*[found[name][number] for name in names], *_cells(row, columns, "-")])
    return f"\ufeff{_text(lines)}"


def quoted(book: Gradebook) -> list[str]:
    """The learners whom an importer may not find: what names them would be a formula."""
    return [row.learner for row in book.rows if any(safe(c) != c for c in (row.name, *row.columns.values()))]


def safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    dangerous = cell.startswith(("\t", "\r", "\n")) or cell.lstrip().startswith(_SIGNS)
    return f"'{cell}" if dangerous and not _NUMBER.fullmatch(cell) else cell


def _of_canvas(row: Row) -> list[str]:
    """The columns by Canvas' headings; of another roster what means the same, but for Canvas' own number."""
    own = "SIS Login ID" in row.columns or "SIS User ID" in row.columns
    if own:
        return [row.columns.get(name, "") for name in CANVAS]
    login = _given(row.columns, "", "login") or _given(row.columns, "", "email")
    return [row.name, "", _given(row.columns, "", "id"), login, row.columns.get("Section", "")]


def _given(columns: Mapping[str, str], heading: str, meaning: str) -> str:
    """A cell by its heading, or by any that means the same."""
    small = {name.lower(): cell for name, cell in columns.items()}
    return next((small[n] for n in (heading.lower(), *HEADINGS[meaning]) if small.get(n)), "")


def _heading(column: tuple[str, str]) -> str:
    return " ".join(filter(None, column))


def _cells(row: Row, columns: Sequence[tuple[str, str]], none: str) -> list[str]:
    return [_percent(_mark(row, exercise, part), none) for exercise, part in columns]


def _mark(row: Row, exercise: str, part: str) -> Mark | None:
    entry = row.entry(exercise)
    return None if entry is None else entry.apart.get(part) if part else entry.mark


def _percent(mark: Mark | None, none: str) -> str:
    return none if mark is None or mark.percent is None else f"{mark.percent:g}"


def _text(lines: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([[cell if cell == "-" else safe(cell) for cell in line] for line in lines])
    return out.getvalue()
