"""`vlab kubectl`: kubectl on the lab's cluster."""

import os

import typer

from vlab.cli.options import DEFAULT, Name
from vlab.cluster import lab


def register(app: typer.Typer) -> None:
    """Add the command."""
    settings = {"ignore_unknown_options": True, "allow_interspersed_args": False}
    app.command("kubectl", context_settings=settings, add_help_option=False)(kubectl)


def kubectl(arguments: list[str] = typer.Argument(None), name: Name = DEFAULT) -> None:  # noqa: B008
    """Run kubectl on the lab's cluster, in the exercise's namespace; everything after it is kubectl's."""
    from vlab.cluster.up import kube

    command = [*kube(lab.get(name)).command, *(arguments or [])]
    os.execv(command[0], command)  # noqa: S606
