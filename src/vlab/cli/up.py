"""`vlab up`: make a cluster with GPUs, or finish, mend or find the one that is there."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from vlab import ui
from vlab.cli.options import DEFAULT, Json, Name


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("up")(up)


def up(
    name: Name = DEFAULT,
    context: Annotated[
        str | None, typer.Option(help="Use the existing cluster of this kubectl context; vlab makes none.")
    ] = None,
    provider: Annotated[
        str | None,
        typer.Option(help="kind-registry or kind-built; chosen from what the machine has if not given."),
    ] = None,
    profile: Annotated[str | None, typer.Option(help="cpu: simulated GPUs; gpu: real ones, needs --context.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=16, help="Nodes with one GPU each; 4 if not given.")] = None,
    values: Annotated[
        Path | None, typer.Option(help="A YAML file laid over the profile: tolerations, storage class, image ...")
    ] = None,
    simulate_gpus: Annotated[
        bool, typer.Option("--simulate-gpus", help="Offer a simulated GPU on each worker of a --context that has none.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a cluster with GPUs, or finish, mend or find the one that is there."""
    from vlab.cluster import up as cluster
    from vlab.cluster.choice import wanted

    with ui.Steps() as steps:
        wish = wanted(name, context, provider, profile, workers)
        lab = cluster.up(replace(wish, values=values, simulate_gpus=simulate_gpus), steps)
    if as_json:
        print(json.dumps(lab.model_dump(mode="json") | {"kubeconfig": str(lab.kubeconfig)}))  # noqa: T201
    flag = "" if name == DEFAULT else f" --name {name}"
    ui.say(f"lab {name} is ready: `vlab list` shows the scenarios, `vlab kubectl{flag} get nodes` the cluster")
