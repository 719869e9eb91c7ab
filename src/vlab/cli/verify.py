"""`vlab verify`: check what was handed in, and grade it again without a cluster."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vlab import ui
from vlab.cli.options import Json
from vlab.errors import Exit

if TYPE_CHECKING:
    from vlab.submission import Verification


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify")(verify)


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `vlab submit` wrote, or a folder of one.")],
    key: Annotated[
        Path | None, typer.Option(help="Public key of the machine that recorded it; this machine's if not given.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Read a submission as if it were hostile, see who signed its evidence, and grade that again here.

    Exit code 0: signed by the trusted key, as it says, and all checks passed; 1: a check failed, or something was
    changed, differs, is not signed by that key, or may not be applied; 2: it cannot be read, and the message says which
    file is why; 6: nothing failed, but a check could not be told.
    """
    from vlab.submission import read_submission
    from vlab.submission import verify as verified

    found = verified(read_submission(file), key)
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        _show(found)
    if not found.intact or found.report is None:
        return Exit.CHECKS_FAILED
    if found.report.passed:
        return Exit.OK
    return Exit.GRADER if found.report.undecided else Exit.CHECKS_FAILED


def _show(found: "Verification") -> None:
    from vlab.report import terminal

    if found.report is not None:
        ui.out.print(terminal.render(found.report))
    header = found.header
    typer.echo(f"{header.exercise} of {header.learner}, graded {header.graded:%Y-%m-%d %H:%M} UTC")
    typer.echo(f"evidence: {found.seal}{'' if found.trusted else ', which is not the key that is trusted'}")
    for each in found.differences:
        typer.echo(f"differs: {each}")
    for each in found.refused:
        typer.echo(f"refused: {each}")
    for each in found.notes:
        ui.say(each)
