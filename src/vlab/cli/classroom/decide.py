"""`vlab class decide`: decide by hand what the rubric was unsure about."""

from enum import StrEnum
from typing import Annotated

import typer

from vlab import ui
from vlab.cli.options import ClassName, ExerciseId, TrustedKey


class Verdict(StrEnum):
    """What is decided."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("decide")(decide)


def decide(
    learner: Annotated[str, typer.Argument(help="As `vlab class show` or the roster has it.")],
    exercise: ExerciseId,
    criterion: Annotated[str, typer.Argument(help="As `vlab class unsure` lists it.")],
    verdict: Annotated[Verdict, typer.Argument(help="Whether the text meets it.")],
    because: Annotated[str, typer.Option("--because", help="The reason; the learner may ask for it.")],
    of: ClassName = "",
    key: TrustedKey = None,
) -> None:
    """Decide a criterion of the grading that counts. It is kept with the class and applied in the gradebook."""
    from vlab import catalog
    from vlab.classroom import decisions, gradebook, store
    from vlab.errors import LabError

    found = store.get(of)
    (who,) = store.chosen(found, (learner,))
    wanted = catalog.exercise(exercise).id
    with ui.Steps() as steps, steps.step("Read the gradings and look at their seals"):
        counting = gradebook.counting(found, decisions.kept(found), wanted, key)
    if (who.slug, wanted) not in counting:
        raise LabError(f"no grading of {wanted} counts for {who.slug}", "`vlab class gradebook` shows what does")
    made = decisions.decide(counting[who.slug, wanted], criterion, verdict.value, because)
    decisions.keep(found, made)
    ui.say(f"{who.slug}, {wanted}: {made}")
