"""`vlab start`: begin a task, or put a learner in front of a broken deployment."""

import json
from typing import Annotated

import typer
from rich.markdown import Markdown

from vlab import catalog, ui
from vlab.cli.options import DEFAULT, LEARNER, ExerciseId, Json, Learner, Name
from vlab.cluster import lab
from vlab.settings import NAMESPACE


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("start")(start)


def start(
    scenario: ExerciseId,
    name: Name = DEFAULT,
    learner: Learner = LEARNER,
    namespace: Annotated[str, typer.Option(help="Where it is deployed.")] = NAMESPACE,
    replace: Annotated[bool, typer.Option("--replace", help="Give up what is in the namespace.")] = False,
    take_gpus: Annotated[
        int | None, typer.Option(min=2, help="How many GPUs the fault may take of a cluster that others use too.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Deploy what an exercise begins with, and show what is to be done. Starting it twice changes nothing."""
    from vlab import journal, measure
    from vlab.begin import begin
    from vlab.deployment import names
    from vlab.report import measured

    wanted = catalog.exercise(scenario)
    with ui.Steps() as steps:
        run = begin(lab.get(name), wanted, learner, namespace, steps, replace=replace, gpus=take_gpus)
    journal.append_once(learner, journal.Started(at=run.started, scenario=wanted.id))
    before = measure.read_before(lab.get(name), run, wanted) if wanted.measured else None
    if as_json:
        figures = {"before": measured.figures(before.load, before.stream)} if before else {}
        typer.echo(json.dumps(run.model_dump(mode="json") | {"folder": str(run.folder)} | figures, indent=2))
        return
    ui.out.print(Markdown(wanted.brief(names(run))))
    ui.out.print()
    if before:
        ui.out.print(measured.once(before.load, before.stream))
        ui.out.print()
    asked = ", ".join(wanted.templates)
    ui.say(f"your answers go to {run.answers}{f': {asked}' if asked else ''}")
    ui.say(f"`vlab kubectl` works on it, `vlab hint {wanted.id}` helps, `vlab grade {wanted.id}` judges")
