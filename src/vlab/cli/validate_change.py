"""`vlab validate-change`: try the change of a recommendation on a copy, under the same load."""

from typing import TYPE_CHECKING

import typer

from vlab import catalog, ui
from vlab.cli.options import DEFAULT, LEARNER, ExerciseId, Json, Learner, Name
from vlab.cluster import lab
from vlab.errors import Exit, LabError

if TYPE_CHECKING:
    from vlab.trial import Trial


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("validate-change")(validate_change)


def validate_change(
    scenario: ExerciseId,
    name: Name = DEFAULT,
    learner: Learner = LEARNER,
    as_json: Json = False,
) -> int:
    """Apply the flag or the replicas that answers/recommendation.md proposes to a copy of the deployment, send the same
    load, and say whether the metric moved as the text predicts. Nothing of it counts against you. Exit code 0: it
    did; 1: it did not, or the copy does not start; 6: that cannot be told.
    """
    from vlab import rubric, runs, trial
    from vlab.rubric.trying import attempts

    wanted = catalog.exercise(scenario)
    found = lab.get(name)
    run = runs.load(found, wanted, learner)
    text = rubric.read_text(run.answers / "recommendation.md")
    tries = attempts(text, wanted, runs.read_objects(run.start), run.parameters)
    if len(tries) != 1:
        said = "; ".join(t.change for t in tries) or "none"
        raise LabError(
            f"the text proposes {len(tries)} changes that could be tried, and one is needed: {said}",
            "under Change, name one flag with its value, or a number of replicas, in a code span",
        )
    trial.predicted(tries[0])
    ui.say(f"trying: {tries[0].change}")
    with ui.Steps() as steps:
        result = trial.run(found, run, wanted, tries[0], steps)
    runs.write_whole(run.folder / "trial.json", result.model_dump_json(indent=2))
    if as_json:
        typer.echo(result.model_dump_json(indent=2))
    else:
        _show(result)
    return Exit.OK if result.holds else Exit.CHECKS_FAILED


def _show(result: "Trial") -> None:
    for moved in result.moved:
        verdict = "as predicted" if moved.as_predicted else f"predicted {moved.predicted}"
        typer.echo(f"{moved.metric}: {moved.before:.2f} -> {moved.after:.2f}, {moved.went}: {verdict}")
