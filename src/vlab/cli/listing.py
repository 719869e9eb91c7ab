"""`vlab list`: show the tasks and the scenarios."""

import json

import typer
from rich.markup import escape
from rich.table import Table

from vlab import catalog, ui
from vlab.cli.options import Json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("list")(listing)


def listing(as_json: Json = False) -> None:
    """Show the course's tasks in their order, and after each what can break in what it is about."""
    found = catalog.exercises().values()
    if as_json:
        rows = [s.model_dump(mode="json", include={"id", "title", "task", "minutes", "kind"}) for s in found]
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("exercise", "task", "minutes", "what it is about", box=None, pad_edge=False)
    for each in found:
        name = each.id if isinstance(each, catalog.Task) else f"  {each.id}"
        table.add_row(name, str(each.task), str(each.minutes), escape(each.title))
    ui.out.print(table)
