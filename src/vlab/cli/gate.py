"""`vlab gate`: prove the scenarios themselves."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from vlab import catalog, ui
from vlab.catalog import Scenario
from vlab.cli.options import DEFAULT, Json, Name
from vlab.errors import Exit


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("gate")(gate)


def gate(
    scenarios: Annotated[list[str] | None, typer.Argument(help="All of them if none is named.")] = None,
    name: Name = DEFAULT,
    record: Annotated[bool, typer.Option("--record", help="Put the evidence into the scenario's folder.")] = False,
    phase: Annotated[list[str] | None, typer.Option(help="Only this phase, such as solved or wrong-NAME.")] = None,
    mutate: Annotated[
        bool, typer.Option("--mutate", help="Spoil every check and look whether recorded runs notice; no lab needed.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Live through scenarios on the lab: healthy, faulty, solved, every other mending, right or wrong, and reset."""
    wanted = [catalog.scenario(i) for i in scenarios] if scenarios else list(catalog.scenarios().values())
    if mutate:
        return _mutate(wanted, as_json)
    return _live(wanted, name, record, tuple(phase or ()), as_json)


def _live(wanted: Sequence[Scenario], name: str, record: bool, only: Sequence[str], as_json: bool) -> int:
    from vlab.cluster import lab
    from vlab.gate import run

    found = lab.get(name)
    phases = []
    with ui.Steps() as steps:
        for scenario in wanted:
            for lived in run(scenario, found, steps, scenario.folder / "evidence" if record else None, only):
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


def _mutate(wanted: Sequence[Scenario], as_json: bool) -> int:
    from vlab.mutation import ENOUGH, mutate, share

    mutants = list(mutate(wanted))
    score = share(mutants)
    by_altered = sum(m.altered for m in mutants)
    if as_json:
        typer.echo(
            json.dumps(
                {"score": score, "by_altered_runs": by_altered, "mutants": [asdict(m) for m in mutants]}, indent=2
            )
        )
    else:
        table = Table("grader", "mutants", "noticed", box=None, pad_edge=False)
        for file in dict.fromkeys(m.file for m in mutants):
            own = [m for m in mutants if m.file == file]
            table.add_row(file, str(len(own)), f"{share(own):.1%}")
        table.add_row("all", str(len(mutants)), f"{score:.1%}")
        ui.out.print(table)
        typer.echo(f"{by_altered} of them only by recorded runs with one fact changed")
        for each in (m for m in mutants if m.noticed_by is None):
            typer.echo(f"nobody noticed: {each.file}: {each.name}")
    return Exit.OK if score >= ENOUGH else Exit.CHECKS_FAILED
