"""`vlab class start`: an exercise for all learners, or some."""

from typing import Annotated

import typer

from vlab import catalog, ui
from vlab.cli import outcomes
from vlab.cli.options import ClassName, ExerciseId, Json, Learners


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("start")(start)


def start(
    exercise: ExerciseId,
    of: ClassName = "",
    learner: Learners = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Give up the exercise that is in a namespace; gradings and answers stay.")
    ] = False,
    parallel: Annotated[int, typer.Option(min=1, max=32, help="So many at a time; those with a load one by one.")] = 4,
    as_json: Json = False,
) -> int:
    """Start an exercise for each learner, with parameters of their own; the brief is handed out.

    Those who have it already keep it as it is. Exit code 1 if somebody's could not be started.
    """
    from vlab.classroom import manage, store

    found = store.get(of)
    wanted = catalog.exercise(exercise)
    with store.at_work(found.name, f"starting {exercise}"), ui.Steps() as steps:
        came = manage.start(
            found, wanted, store.chosen(found, tuple(learner or ())), steps, replace=replace, parallel=parallel
        )
    return outcomes.show(came, as_json)
