"""`vlab env`: shell lines that point kubectl at the lab."""

import shlex

import typer

from vlab.cli.options import DEFAULT, Name
from vlab.cluster import lab


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("env")(env)


def env(name: Name = DEFAULT) -> None:
    """Print shell lines for `eval "$(vlab env)"`: kubectl then talks to the lab, in this shell only."""
    from vlab.cluster.kubectl import kubectl_path, own_kubeconfig

    found = lab.get(name)
    folder = kubectl_path().parent
    print(f"export KUBECONFIG={shlex.quote(str(own_kubeconfig(found)))}")  # noqa: T201
    print(f"export PATH={shlex.quote(str(folder))}:$PATH")  # noqa: T201
