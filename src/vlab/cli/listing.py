"""`vlab list`: show the scenarios."""

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
    """Show the scenarios, in the order of the course's tasks."""
    found = catalog.scenarios().values()
    if as_json:
        rows = [s.model_dump(mode="json", include={"id", "title", "task", "minutes", "kind"}) for s in found]
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("scenario", "task", "minutes", "what is wrong", box=None, pad_edge=False)
    for scenario in found:
        table.add_row(scenario.id, str(scenario.task), str(scenario.minutes), escape(scenario.title))
    ui.out.print(table)
