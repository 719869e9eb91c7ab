"""`vlab doctor`: say what this machine can do, and which provider `vlab up` takes."""

import json
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillRunning
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from vlab import ui
from vlab.build import targets
from vlab.cli.options import Json
from vlab.doctor import Choice, Facts, Row, choose_provider, read_facts, rows
from vlab.errors import Exit, LabError

_STYLES = {"ok": "green", "info": "cyan", "warn": "yellow", "bad": "bold red"}
_PATIENCE_S = 2.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(
    context: Annotated[
        str | None, typer.Option(help="Look at the existing cluster of this kubectl context instead.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Say what this machine can do, and which provider `vlab up` takes and why. Exit code 3 if it cannot."""
    if context is not None:
        return _of_cluster(context, as_json)
    facts = _facts()
    choice = _choice(facts)
    table = rows(facts, choice if isinstance(choice, Choice) else None)
    if as_json:
        ui.out.print_json(json.dumps({"rows": [asdict(row) for row in table], "provider": _record(choice)}))
    else:
        ui.out.print(_rendered(table))
        ui.out.print(_verdict(table, choice), soft_wrap=True)
    ready = isinstance(choice, Choice) and all(row.status != "bad" for row in table)
    return Exit.OK if ready else Exit.MACHINE


def _of_cluster(context: str, as_json: bool) -> int:
    """What a cluster has of what the lab needs. Nothing is made in it."""
    from vlab.cluster.kube import Kube
    from vlab.cluster.review import review

    with ui.Steps() as steps, steps.step(f"Ask the cluster of context {context}"):
        table = review(Kube(None, context))
    if as_json:
        ui.out.print_json(json.dumps({"rows": [asdict(row) for row in table]}))
    else:
        ui.out.print(_rendered(table))
    return Exit.MACHINE if any(row.status == "bad" for row in table) else Exit.OK


def _facts() -> Facts:
    """Read the machine; say that it is being read only if that takes long."""
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(
            read_facts, built=targets.built("kind-built"), clients_built=targets.built("kind-registry")
        )
        try:
            return reading.result(_PATIENCE_S)
        except StillRunning:
            with ui.Steps() as steps, steps.step("Asking engines and registries"):
                return reading.result()


def _choice(facts: Facts) -> Choice | LabError:
    try:
        return choose_provider(facts)
    except LabError as e:
        return e


def _record(choice: Choice | LabError) -> dict[str, object]:
    """The choice for `--json`; where there is none, `provider` is null and `why` and `cure` say more."""
    if isinstance(choice, Choice):
        return asdict(choice)
    return {"provider": None, "why": choice.message, "cure": choice.hint}


def _rendered(table: list[Row]) -> Table:
    """The rows as a table; what is not as it should be has its need and its cure under what was found."""
    shown = Table("check", "status", "found", box=None, pad_edge=False, header_style="bold")
    for row in table:
        status = f"[{_STYLES[row.status]}]{row.status}[/]"
        shown.add_row(row.name, status, escape(row.found))
        if row.cure:
            shown.add_row("", "", f"[dim]need:[/] {escape(row.need)}")
            shown.add_row("", "", f"[bold cyan]cure:[/] {escape(row.cure)}")
    return shown


def _verdict(table: list[Row], choice: Choice | LabError) -> str:
    if isinstance(choice, LabError):
        cure = f"[bold cyan]cure:[/] {escape(choice.hint)}"
        return f"\n[bold red]provider: none[/], {escape(choice.message)}\n{cure}"
    with_engine = f" with {choice.engine}" if choice.engine else ""
    red = sum(row.status == "bad" for row in table)
    after = f", [bold red]once the {red} bad above {'is' if red == 1 else 'are'} cured[/]" if red else ""
    return f"\n[bold]provider: {choice.provider}[/]{with_engine}{after}: {escape(choice.why)}"
