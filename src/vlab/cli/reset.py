"""`vlab reset`: back to the start of a scenario."""

import typer

from vlab import catalog, ui
from vlab.cli.options import DEFAULT, LEARNER, ExerciseId, Learner, Name
from vlab.cluster import lab


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reset")(reset)


def reset(scenario: ExerciseId, name: Name = DEFAULT, learner: Learner = LEARNER) -> None:
    """Break the deployment again as it was at the start; answers and reports stay."""
    from vlab import exercise, runs

    wanted = catalog.exercise(scenario)
    found = lab.get(name)
    run = runs.load(found, wanted, learner)
    with ui.Steps() as steps, steps.step(f"Reset {wanted.id}") as line:
        exercise.reset(run, found, wanted, line.note)
