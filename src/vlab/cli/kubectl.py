"""`vlab kubectl`: kubectl on the lab's cluster."""

import os
from typing import Annotated

import typer

from vlab.cli.options import DEFAULT
from vlab.cluster import lab


def register(app: typer.Typer) -> None:
    """Add the command."""
    settings = {"ignore_unknown_options": True, "allow_interspersed_args": False}
    app.command("kubectl", context_settings=settings, add_help_option=False)(kubectl)


def kubectl(
    arguments: Annotated[list[str] | None, typer.Argument(help="As kubectl takes them.")] = None,
    name: Annotated[str, typer.Option("--name", envvar="VLAB_NAME", help="Which lab.")] = DEFAULT,
) -> None:
    """Run kubectl on the lab's cluster, in the exercise's namespace; everything after it is kubectl's."""
    from vlab.cluster.kube import kube
    from vlab.endpoint import namespace_of

    found = lab.get(name)
    # Before what is typed: a --namespace or -n of one's own comes later, and holds.
    command = [*kube(found).command, f"--namespace={namespace_of(found)}", *(arguments or [])]
    os.execv(command[0], command)  # noqa: S606
