"""`vlab evidence`: recorded evidence itself: verify it, print its figures, or look into it with kubectl."""

from pathlib import Path
from typing import Annotated

import typer

from vlab import ui
from vlab.cli.options import Json
from vlab.errors import Exit, LabError

app = typer.Typer(no_args_is_help=True, help="Look after recorded evidence, or into it.")


def register(parent: typer.Typer) -> None:
    """Add the command and its verbs."""
    parent.add_typer(app, name="evidence")


@app.callback()
def evidence() -> None:
    """Look after recorded evidence, or into it."""


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


@app.command("figures")
def figures(
    path: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder as `vlab grade` names it, or a zip file of one.")
    ],
    as_json: Json = False,
) -> int:
    """Print what was measured on the faulty deployment: the figures that a recommendation may cite."""
    import json

    from vlab import evidence, rubric

    found = rubric.figures(evidence.load(path))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        for name, value in found.items():
            typer.echo(f"{name}={value}")
    return Exit.OK


@app.command("shell")
def shell(
    path: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder as `vlab grade` names it, or a zip file of one.")
    ],
    command: Annotated[
        list[str] | None, typer.Argument(metavar="-- get pods", help="One kubectl command, instead of a shell.")
    ] = None,
    start: Annotated[bool, typer.Option("--start", help="As all was when the exercise had been started.")] = False,
) -> int:
    """Look into a recorded run with kubectl, as if its cluster were still there; nothing in it can be changed.

    Opens a shell in which kubectl talks to the recording; what follows `--` is one kubectl command instead, and its
    exit code this one's. Ages are seen from the moment that was recorded.
    """
    from vlab import evidence
    from vlab.cluster.kubectl import kubectl_path
    from vlab.playback import recording
    from vlab.playback.shell import kubectl
    from vlab.playback.shell import shell as open_shell

    found = evidence.load(path)
    shown = recording(found, start=start)
    program = kubectl_path()
    if found.seal.kind == "changed":
        ui.say(f"this is not as it was recorded: {found.seal}", style="yellow")
    if command:
        return kubectl(shown, program, command)
    moment = f"{'at its start' if start else 'as it was graded'}, {shown.at:%Y-%m-%d %H:%M:%S} UTC"
    ui.say(f"{shown.scenario} of {shown.learner}, {moment}: kubectl reads the recording; `exit` leaves it")
    return open_shell(shown, program)
