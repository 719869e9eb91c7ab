"""`vlab class show`: who is in a class."""

import typer
from rich.table import Table

from vlab import ui
from vlab.cli.options import ClassName, Json


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("show")(show)


def show(of: ClassName = "", as_json: Json = False) -> None:
    """Print the class: its learners, their namespaces and kubeconfigs, what each may use."""
    from vlab.classroom import store

    found = store.get(of)
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
        return
    table = Table("learner", "name", "namespace", "kubeconfig", box=None)
    for each in found.learners:
        there = found.kubeconfig(each)
        table.add_row(each.slug, each.name, found.namespace(each), str(there) if there.is_file() else "none")
    ui.out.print(table)
    quota = found.quota
    ui.say(
        f"class {found.name} on lab {found.lab}: {len(found.learners)} learners, each with {quota.gpus} GPUs, "
        f"{quota.cpu} CPUs, {quota.memory} of memory, {quota.storage} of storage"
    )
