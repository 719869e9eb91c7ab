"""`vlab down`: remove a lab, and nothing that vlab did not make."""

from typing import Annotated

import typer

from vlab import ui
from vlab.cli.options import DEFAULT, Name


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("down")(down)


def down(
    name: Name = DEFAULT,
    purge: Annotated[
        bool, typer.Option("--purge", help="Also the learners' runs and, if no other lab is left, the cache.")
    ] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="Only forget a lab on a cluster that is gone and that vlab did not make.")
    ] = False,
) -> None:
    """Remove the cluster, and nothing that vlab did not make. Learners' runs stay, unless --purge."""
    from vlab.cluster.down import down as remove

    with ui.Steps() as steps:
        was = remove(name, purge, steps, forgotten=forget)
    ui.say(f"lab {name} is {'forgotten' if forget else 'down'}" if was else f"no lab {name} was up")
