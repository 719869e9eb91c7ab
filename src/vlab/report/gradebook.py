"""The rows of a gradebook, and cells of a CSV file that no spreadsheet takes for a formula."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

BOM = "\ufeff"
"""Excel reads a file as UTF-8 only if it begins so; both importers read over it."""

_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""With these a cell begins that is executed; the last four are the same signs in full width."""

Points = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(_Model):
    """An exercise."""

    name: str
    """As the gradebook calls it."""
    possible: Points


class Row(_Model):
    """A learner, by whatever names the learning platform knows; and scores by column."""

    name: str
    """'Lovelace, Ada', as the platform sorts them."""
    first_name: str = ""
    last_name: str = ""
    id: str = ""
    """The platform's own number."""
    sis_id: str = ""
    """Of the university: a matriculation number."""
    login: str = ""
    email: str = ""
    section: str = ""
    scores: dict[str, Points | None] = {}
    """None, or nothing: not graded, or nothing could be told. It is left empty, which changes nothing there."""


def cell(value: str) -> str:
    """A text that no spreadsheet executes: one that would be a formula has an apostrophe in front; numbers stay."""
    lead = value.lstrip(" \u00a0")
    if lead.startswith(_FORMULA) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def points(value: float | None) -> str:
    """'7', '6.5'; nothing for None."""
    return "" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


def written(lines: Iterable[Sequence[str]], *, bom: bool = False) -> str:
    """Lines of cells as CSV, each cell made safe."""
    sink = io.StringIO()
    csv.writer(sink, lineterminator="\r\n").writerows([cell(each) for each in line] for line in lines)
    return f"{BOM if bom else ''}{sink.getvalue()}"
