"""`vlab evidence`: recorded evidence itself."""

from pathlib import Path
from typing import Annotated

import typer

from vlab import ui
from vlab.errors import Exit, LabError

app = typer.Typer(no_args_is_help=True, help="Look after recorded evidence.")


def register(parent: typer.Typer) -> None:
    """Add the command and its verbs."""
    parent.add_typer(app, name="evidence")


@app.callback()
def evidence() -> None:
    """Look after recorded evidence."""


@app.command("verify")
def verify(
    path: Annotated[Path, typer.Argument(help="A folder as `vlab grade` names it, or a zip file of one.")],
    key: Annotated[
        Path | None, typer.Option(help="Public key of the machine that recorded it; this machine's if not given.")
    ] = None,
) -> int:
    """Say whether anything was changed since it was recorded, and who signed it. Exit code 1 if it was changed."""
    from vlab.evidence import files, seal

    try:
        contents = files.read(path)
    except files.Refused as e:
        if not (path / files.MANIFEST).exists():
            raise
        typer.echo(f"changed: {e.message}")
        return Exit.CHECKS_FAILED
    state = seal.state(contents)
    if not {files.HEADER, files.MANIFEST} & contents.files.keys():
        raise files.no_evidence(path)
    for file in state.changed:
        typer.echo(f"changed: {file}")
    if state.kind == "changed":
        return Exit.CHECKS_FAILED
    if state.kind == "unsigned":
        raise LabError(
            f"{path} is unsigned, so nobody can say whether it was changed",
            "evidence is signed when `vlab grade` records it; what came without a signature cannot be verified",
        )
    if not seal.is_trusted(state, key):
        words = "the key that was named" if key is not None else "this machine's"
        typer.echo(f"{state}, which is not {words}")
        return Exit.CHECKS_FAILED
    ui.say(f"as it was recorded, {state}")
    return Exit.OK
