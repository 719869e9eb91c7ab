"""`vlab agent`: let a program do exercises as a learner would, and score it."""

import json
import os
import re
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from vlab import catalog, ui
from vlab.cli.options import DEFAULT, Json, Name
from vlab.cluster import lab
from vlab.errors import Exit, LabError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("agent")(agent)


def agent(
    exercise: Annotated[
        list[str] | None,
        typer.Argument(metavar="[EXERCISE]...", help="Which; all that a namespace is enough for if none."),
    ] = None,
    command: Annotated[
        str,
        typer.Option(help="A command for sh. It finds brief.md, answers/ and kubectl; nothing tells it more."),
    ] = "",
    called: Annotated[str, typer.Option("--as", help="The name under which it is kept.")] = "agent",
    name: Name = DEFAULT,
    minutes: Annotated[float, typer.Option(min=0.1, help="For each exercise.")] = 30.0,
    env: Annotated[list[str] | None, typer.Option(help="A variable that it may have, such as an API key.")] = None,
    show: Annotated[
        list[Path] | None, typer.Option(exists=True, help="A file or folder that it may read, where it is.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Give a program the learner's place, grade what it did, and print a table of all that is kept of it.

    It runs in a room of its own (bubblewrap): system programs, its folder, the network, and an account that may do
    what a learner of a class may. Its output, its answers, its time and what it says that it cost (cost.json) are
    kept. Without --command only the table is printed. Exit code 0: all that was tried now is solved; 1: not all.
    """
    from vlab import agents

    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,14}[a-z0-9])?", called):
        raise LabError(f"{called!r} cannot be an agent's name", "up to 16 small letters, digits and dashes")
    tried = []
    if command:
        wanted = [catalog.exercise(each) for each in exercise or ()]
        wanted = wanted or [each for each in catalog.exercises().values() if not each.alone]
        given = {each: _value(each) for each in env or ()}
        with ui.Steps() as steps:
            for each in wanted:
                tried.append(
                    agents.attempt(
                        lab.get(name), each, called, command, steps,
                        minutes=minutes, env=given, shown=[path.absolute() for path in show or ()],
                    )
                )  # fmt: skip
    kept = agents.kept(called)
    if not kept:
        raise LabError(f"nothing is kept of {called}", "let it do something: --command 'PROGRAM'", Exit.USAGE)
    if as_json:
        typer.echo(json.dumps([each.model_dump(mode="json") for each in kept], indent=2))
    else:
        ui.out.print(_table(kept))
    ui.say(f"transcripts: {agents.folder(called)}")
    return Exit.OK if all(each.passed for each in tried) else Exit.CHECKS_FAILED


def _value(name: str) -> str:
    if name not in os.environ:
        raise LabError(f"{name} is not in the environment", f"`export {name}=...`, then again")
    return os.environ[name]


def _table(kept) -> Table:  # type: ignore[no-untyped-def]
    table = Table("exercise", "when", "minutes", "ended", "score", "written", "cost", box=None)
    for each in kept:
        ended = "its time was up" if each.exit_code is None else f"exit {each.exit_code}"
        percent = "could not be told" if each.percent is None else f"{each.percent:g}%"
        written = ", ".join(f"{what} {'?' if p is None else f'{p:g}%'}" for what, p in each.apart.items())
        cost = ", ".join(f"{k} {v}" for k, v in (each.cost or {}).items() if isinstance(v, int | float | str))
        score = f"{percent}, solved" if each.passed else percent
        table.add_row(
            each.exercise,
            f"{each.started:%Y-%m-%d %H:%M}",
            f"{each.seconds / 60:.1f}",
            ended,
            score,
            written,
            cost[:60],
        )
    return table
