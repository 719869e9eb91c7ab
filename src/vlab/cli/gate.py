"""`vlab gate`: prove the scenarios themselves."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.table import Table

from vlab import catalog, selection, ui
from vlab.catalog import Exercise
from vlab.cli.options import DEFAULT, Json, Name
from vlab.errors import Exit
from vlab.phases import phases


class End(StrEnum):
    """One end of the ranges that parameters are drawn from."""

    FIRST = "first"
    LAST = "last"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("gate")(gate)


def gate(
    exercises: Annotated[
        list[str] | None, typer.Argument(help="All if none is named; with --mutate all scenarios.")
    ] = None,
    name: Name = DEFAULT,
    record: Annotated[bool, typer.Option("--record", help="Put the evidence into the exercise's folder.")] = False,
    phase: Annotated[list[str] | None, typer.Option(help="Only this phase, such as solved or wrong-NAME.")] = None,
    end: Annotated[
        End | None, typer.Option(help="With the first or the last of each parameter's values; else with those drawn.")
    ] = None,
    changed: Annotated[
        bool, typer.Option("--changed", help="Only what differs from what its recorded runs were made from.")
    ] = False,
    budget: Annotated[float, typer.Option(help="Of --changed, in minutes.")] = selection.BUDGET_MINUTES,
    canary: Annotated[
        str, typer.Option(help="Draws one scenario more for --changed, and an order; the commit if not given.")
    ] = "",
    mutate: Annotated[
        bool, typer.Option("--mutate", help="Spoil every check and look whether recorded runs notice; no lab needed.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Live through exercises on the lab: as they start, solved, every other way, right or wrong, and reset."""
    every = catalog.scenarios() if mutate else catalog.exercises()
    wanted = [catalog.exercise(i) for i in exercises or every]
    if mutate:
        return mutation(wanted, as_json)
    live = _Live(name, record, end)
    if not changed:
        for scenario in wanted:
            live.through(scenario, [p for p in phases(scenario) if not phase or p in phase])
        return live.told(as_json)

    from vlab import freshness

    commit = canary or freshness.commit()
    known = selection.chosen(map(freshness.known, wanted), commit)
    spending = selection.Spending(known, budget * 60, commit)
    for each in known:
        live.through(catalog.exercise(each.id), spending.phases(each))
    return live.told(as_json, spending.not_run)


class _Live:
    """What was lived through so far."""

    def __init__(self, name: str, record: bool, end: End | None) -> None:
        from vlab.cluster import lab

        self._lab, self._record, self._end = lab.get(name), record, end
        self._rows: list[dict[str, Any]] = []

    def through(self, scenario: Exercise, names: Iterable[str]) -> None:
        """Live through phases of a scenario."""
        from vlab.gate import run

        record = scenario.folder / "evidence" if self._record else None
        with ui.Steps() as steps:
            parameters = None if self._end is None else scenario.end(self._end is End.LAST, self._lab.profile)
            for lived in run(scenario, self._lab, steps, record, names, parameters):
                self._rows.append({"scenario": scenario.id, **asdict(lived)})
                ui.say(f"{'ok ' if lived.holds else 'BAD'} {scenario.id} {lived.name}: {lived.found}")

    def told(self, as_json: bool, not_run: Sequence[str] | None = None) -> int:
        """Print it, and what of a selection was not lived through."""
        if as_json:
            found = self._rows if not_run is None else {"phases": self._rows, "not_run": not_run}
            typer.echo(json.dumps(found, indent=2))
        else:
            table = Table("scenario", "phase", "must hold", "found", box=None, pad_edge=False)
            for row in self._rows:
                table.add_row(row["scenario"], row["name"], row["must"], "ok" if row["holds"] else row["found"])
            ui.out.print(table)
            for each in not_run or ():
                typer.echo(f"not run: {each}")
        return Exit.OK if all(row["holds"] for row in self._rows) else Exit.CHECKS_FAILED


def mutation(wanted: Sequence[Exercise], as_json: bool) -> int:
    """Spoil the graders of scenarios, and print what nobody noticed."""
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
