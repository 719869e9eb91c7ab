"""`vlab class gradebook`: what counts of each learner's gradings, as a table or as others import it."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vlab import ui
from vlab.cli.options import ClassName, TrustedKey, write_file

if TYPE_CHECKING:
    from rich.table import Table

    from vlab.classroom.gradebook import Gradebook


class Format(StrEnum):
    """How it is written."""

    TABLE = "table"
    CANVAS = "csv-canvas"
    MOODLE = "csv-moodle"
    JSON = "json"
    HTML = "html"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("gradebook")(gradebook)


def gradebook(
    of: ClassName = "",
    format: Annotated[Format, typer.Option("--format", "-f", help="How it is written.")] = Format.TABLE,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write it into this file instead of stdout.")] = None,
    anonymous: Annotated[bool, typer.Option("--anonymous", help="Numbers instead of names.")] = False,
    key: TrustedKey = None,
) -> None:
    """Print the gradebook: percent, points, attempts, what was decided, and what speaks against a grading."""
    from vlab.classroom import gradebook as books
    from vlab.classroom import gradebook_csv, store

    with ui.Steps() as steps, steps.step("Read the gradings and look at their seals"):
        book = books.of_class(store.get(of), key=key)
    if format in (Format.CANVAS, Format.MOODLE) and not anonymous:
        for learner in gradebook_csv.quoted(book):
            ui.say(f"{learner}: a cell of the roster would be a formula; it has a quote in front, and may not be found")
    if anonymous:
        book = books.anonymous(book)
    _say_refused(book)
    if format is Format.TABLE and out is None:
        ui.out.print(_table(book))
        return
    text = _texts()[format](book)
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_file(out, text)


def _texts() -> "dict[Format, Callable[[Gradebook], str]]":
    from vlab.classroom import gradebook_csv, gradebook_html

    return {
        Format.TABLE: _plain,
        Format.CANVAS: gradebook_csv.canvas,
        Format.MOODLE: gradebook_csv.moodle,
        Format.JSON: lambda book: book.model_dump_json(indent=2) + "\n",
        Format.HTML: gradebook_html.text,
    }


def _plain(book: "Gradebook") -> str:
    import io

    from rich.console import Console

    out = io.StringIO()
    Console(file=out, width=200).print(_table(book))
    return out.getvalue()


def _table(book: "Gradebook") -> "Table":
    from rich.table import Table
    from rich.text import Text

    from vlab.classroom.gradebook_html import share, verdict

    table = Table("learner", "exercise", "percent", "points", "verdict", "attempts", "apart", "notes", box=None)
    for row in book.rows:
        for entry in row.entries:
            mark = entry.mark
            table.add_row(
                Text(row.name),
                entry.exercise,
                share(mark),
                f"{mark.score}/{mark.max_score}" if mark else "",
                verdict(entry)[0],
                str(entry.attempts),
                ", ".join(f"{part} {share(each)}" for part, each in entry.apart.items()),
                Text("; ".join(_notes(entry.late, len(entry.decisions), entry.refused))),
            )
    return table


def _notes(late: int, decided: int, refused: int) -> list[str]:
    return [
        *([f"{late} late"] if late else []),
        *([f"{decided} decided by the teacher"] if decided else []),
        *([f"{refused} not trusted"] if refused else []),
    ]


def _say_refused(book: "Gradebook") -> None:
    """A file may be imported unread: what is not in it is said beside it."""
    for row in book.rows:
        for entry in row.entries:
            for words in entry.trust:
                ui.say(f"{row.learner}, {entry.exercise}: does not count: {words}", style="yellow")
