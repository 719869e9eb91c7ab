"""`vlab class close`: take a class off its cluster."""

import typer

from vlab import ui
from vlab.cli.options import ClassName


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("close")(close)


def close(of: ClassName = "") -> None:
    """Remove the class's namespaces, accounts and rules from the cluster, and nothing else.

    What was graded stays on this machine: the gradebook can be printed and regraded.
    """
    from vlab.classroom import manage, store

    found = store.get(of)
    with store.at_work(found.name, "closing it"), ui.Steps() as steps:
        manage.close(found, steps)
    ui.say(f"class {found.name} is closed; its gradings are kept: `vlab class gradebook --class {found.name}`")
