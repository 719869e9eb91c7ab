"""`vlab status`: show every lab and what is wrong with it."""

import json

import typer
from rich.markup import escape
from rich.table import Table

from vlab import ui
from vlab.cli.options import Json
from vlab.cluster.lab import Lab, every
from vlab.errors import Exit


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


def status(as_json: Json = False) -> int:
    """Show every lab and what is wrong with it, if anything. Exit code 4 if one is not well."""
    labs = [_row(lab) for lab in every()]
    if as_json:
        print(json.dumps(labs, indent=2))  # noqa: T201
    elif labs:
        table = Table("lab", "provider", "profile", "workers", "state", box=None, pad_edge=False)
        for row in labs:
            table.add_row(*(escape(str(row[c])) for c in ("name", "provider", "profile", "workers", "state")))
        ui.out.print(table)
    else:
        ui.say("no lab is up; `vlab up` makes one")
    return Exit.OK if all(row["state"] == "ready" for row in labs) else Exit.NO_LAB


def _row(lab: Lab) -> dict[str, str]:
    from vlab.cluster.up import problems

    found = problems(lab) if lab.state == "ready" else ["`vlab up` was interrupted; run it again"]
    return lab.model_dump(mode="json", include={"name", "provider", "engine", "profile", "workers", "context"}) | {
        "kubeconfig": str(lab.kubeconfig),
        "state": "; ".join(found) or "ready",
    }
