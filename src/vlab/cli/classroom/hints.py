"""`vlab class hint-policy` and `vlab class hint`: which hints a class sees, and handing them out."""

from typing import Annotated

import typer

from vlab import catalog, ui
from vlab.cli import outcomes
from vlab.cli.options import ClassName, ExerciseId, Json, Learners


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("hint-policy")(hint_policy)
    app.command("hint")(hint)


def hint_policy(
    of: ClassName = "",
    most: Annotated[int, typer.Option(min=0, help="So many hints of an exercise; 0: none.")] = 3,
    after: Annotated[float, typer.Option(min=0, help="Minutes from the start to the first, and between them.")] = 0.0,
) -> None:
    """Say which hints learners may see, from the next `vlab class hint` on."""
    from vlab.classroom import store
    from vlab.classroom.model import Hints

    found = store.get(of)
    with store.at_work(found.name, "changing its rules"):
        store.save(store.get(found.name).model_copy(update={"hints": Hints(most=most, after_minutes=after)}))
    ui.say(
        f"class {found.name}: {most} hints, one every {after:g} minutes"
        if after
        else f"class {found.name}: {most} hints"
    )


def hint(exercise: ExerciseId, of: ClassName = "", learner: Learners = None, as_json: Json = False) -> int:
    """Hand out the hints that are due by now; in an exam there are none."""
    from vlab.classroom import manage, store

    found = store.get(of)
    with ui.Steps() as steps:
        came = manage.hint(found, catalog.exercise(exercise), store.chosen(found, tuple(learner or ())), steps)
    return outcomes.show(came, as_json)
