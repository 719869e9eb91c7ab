"""`vlab evidence`: recorded evidence itself."""

from pathlib import Path
from typing import Annotated

import typer

from vlab import ui
from vlab.errors import Exit

app = typer.Typer(no_args_is_help=True, help="Look after recorded evidence.")


def register(parent: typer.Typer) -> None:
    """Add the command and its verbs."""
    parent.add_typer(app, name="evidence")


@app.callback()
def evidence() -> None:
    """Look after recorded evidence."""


@app.command("verify")
def verify(
    folder: Annotated[Path, typer.Argument(help="As `vlab grade` names it.")],
    key: Annotated[
        Path | None, typer.Option(help="Public key of the machine that recorded it; this machine's if not given.")
    ] = None,
) -> int:
    """Say whether anything in the folder was changed since it was recorded. Exit code 1 if so."""
    from vlab.evidence import load, seal

    load(folder)
    public = seal.public_key(key) if key is not None else seal.own_key().public_key()
    problems = seal.verify(folder, public)
    for problem in problems:
        typer.echo(problem)
    if not problems:
        ui.say("as it was recorded")
    return Exit.CHECKS_FAILED if problems else Exit.OK
