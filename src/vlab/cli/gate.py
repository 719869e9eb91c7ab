"""`vlab gate`: prove the scenarios themselves."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from vlab import catalog, ui
from vlab.cli.options import DEFAULT, Json, Name
from vlab.cluster import lab
from vlab.errors import Exit


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("gate")(gate)


def gate(
    scenarios: Annotated[list[str] | None, typer.Argument(help="All of them if none is named.")] = None,
    name: Name = DEFAULT,
    record: Annotated[bool, typer.Option("--record", help="Put the evidence into the scenario's folder.")] = False,
    phase: Annotated[list[str] | None, typer.Option(help="Only this phase, such as solved or wrong-NAME.")] = None,
    as_json: Json = False,
) -> int:
    """Live through scenarios on the lab: healthy, faulty, solved, every other mending, right or wrong, and reset."""
    from vlab.gate import run

    wanted = [catalog.scenario(i) for i in scenarios] if scenarios else list(catalog.scenarios().values())
    found = lab.get(name)
    phases = []
    with ui.Steps() as steps:
        for scenario in wanted:
            for lived in run(
                scenario, found, steps, scenario.folder / "evidence" if record else None, tuple(phase or ())
            ):
                phases.append({"scenario": scenario.id, **asdict(lived)})
                ui.say(f"{'ok ' if lived.holds else 'BAD'} {scenario.id} {lived.name}: {lived.found}")
    if as_json:
        typer.echo(json.dumps(phases, indent=2))
    else:
        table = Table("scenario", "phase", "must hold", "found", box=None, pad_edge=False)
        for row in phases:
            table.add_row(row["scenario"], row["name"], row["must"], "ok" if row["holds"] else row["found"])
        ui.out.print(table)
    return Exit.OK if all(row["holds"] for row in phases) else Exit.CHECKS_FAILED
