"""`vlab submit`: pack an exercise into one file, to be handed in."""

import json
from pathlib import Path
from typing import Annotated

import typer

from vlab import catalog, ui
from vlab.cli.options import DEFAULT, LEARNER, ExerciseId, Json, Learner, Name
from vlab.errors import Exit, LabError
from vlab.names import checked_lab


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("submit")(submit)


def submit(
    exercise: ExerciseId,
    name: Name = DEFAULT,
    learner: Learner = LEARNER,
    out: Annotated[
        Path | None, typer.Option(help="The file to write; EXERCISE-LEARNER.zip if not given.", dir_okay=False)
    ] = None,
    manifests: Annotated[
        Path | None, typer.Option(help="A folder with the manifests of your mending, *.yaml or *.json, to go with it.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Pack your answers and your latest grading with its signed evidence into one file.

    No lab has to be up. A grading is packed once: equal ones make equal files.
    """
    from vlab import runs
    from vlab.evidence import Evidence
    from vlab.submission import Policy, admit, pack
    from vlab.submission import manifests as read_manifests

    wanted = catalog.exercise(exercise)
    folder = runs.on(checked_lab(name)) / learner / wanted.id
    grading = _latest(folder, wanted.id, name)
    file = out or Path(f"{wanted.id}-{learner}.zip")
    with ui.Steps() as steps, steps.step(f"Pack {wanted.id}"):
        packed = pack(file, grading, folder / "answers", manifests)
    objects = [each.object for each in read_manifests(packed)]
    namespace = Evidence(file, packed.evidence).header.namespace
    refused = [str(r) for r in admit(objects, Policy(namespace=namespace))]
    for each in refused:
        ui.say(f"whoever applies your manifests will refuse this: {each}", style="yellow")
    said = packed.header.claimed
    if as_json:
        found = {"file": str(file), "files": len(packed.files), "refused": refused}
        typer.echo(json.dumps({**found, "claimed": said.model_dump(mode="json")}, indent=2))
    else:
        typer.echo(str(file))
        ui.say(f"graded {packed.header.graded:%Y-%m-%d %H:%M} UTC: {said.score} of {said.max_score} points")
    return Exit.OK


def _latest(folder: Path, exercise: str, name: str) -> Path:
    """The folder of the latest grading that was finished."""
    done = sorted(f.parent for f in (folder / "gradings").glob("*/report.json"))
    if not done:
        flag = "" if name == DEFAULT else f" --name {name}"
        raise LabError(f"{exercise} has not been graded", f"run `vlab grade {exercise}{flag}` first", Exit.USAGE)
    return done[-1]
