"""`vlab class grade`: one round of grading."""

from typing import Annotated

import typer

from vlab import catalog, ui
from vlab.cli import outcomes
from vlab.cli.options import ClassName, ExerciseId, Json, Learners


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("grade")(grade)


def grade(
    exercise: ExerciseId,
    of: ClassName = "",
    learner: Learners = None,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for each deployment to settle.")] = 300.0,
    parallel: Annotated[int, typer.Option(min=1, max=32, help="So many at a time; those with a load one by one.")] = 4,
    anew: Annotated[bool, typer.Option("--anew", help="Also whom an interrupted round has graded.")] = False,
    jobs: Annotated[
        bool, typer.Option("--jobs", help="Grade in Kubernetes Jobs on the class's cluster, and fetch what comes.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Grade what each learner has deployed, and what they put into the ConfigMap `answers` of their namespace.

    An interrupted round goes on with those who are left; one in Jobs goes on by itself, and the same command fetches
    what has come. Exit code 1 if somebody's could not be graded; a check that fails is no trouble.
    """
    from vlab.classroom import rounds, store
    from vlab.classroom.jobs import run as in_jobs

    found = store.get(of)
    wanted = catalog.exercise(exercise)
    with store.at_work(found.name, f"grading {exercise}"), ui.Steps() as steps:
        order = rounds.Order(found, wanted, store.chosen(found, tuple(learner or ())), timeout, parallel, anew)
        came = (in_jobs if jobs else rounds).grade(order, steps)
    return outcomes.show(came, as_json)
