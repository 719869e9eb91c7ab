"""`vlab class verify`: look whether every kept grading is what it says."""

from typing import Annotated

import typer

from vlab import ui
from vlab.cli.options import ClassName, Json, Learners, TrustedKey
from vlab.errors import Exit


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("verify")(verify)


def verify(
    of: ClassName = "",
    learner: Learners = None,
    seals_only: Annotated[
        bool, typer.Option("--seals-only", help="Do not grade the evidence anew to compare it with the report.")
    ] = False,
    key: TrustedKey = None,
    as_json: Json = False,
) -> int:
    """Say what speaks against gradings: seal, owner, run, copies, and a report that its evidence does not give.

    Exit code 1: something does.
    """
    from vlab.classroom import regrade, results, store, trust

    found = store.get(of)
    wanted = {each.slug for each in store.chosen(found, tuple(learner or ()))}
    every = results.attempts(found)
    with ui.Steps() as steps, steps.step(f"Verify {len(every)} gradings") as line:
        against = trust.every(every, found, key)  # of all, for a copy may lie with anybody
        attempts = [each for each in every if each.learner.slug in wanted]
        said = {each.folder: against[each.folder] for each in attempts}
        if not seals_only:
            tasks = [regrade.Task(each, said[each.folder], write=False) for each in attempts]
            for each, done in zip(
                attempts, regrade.graded(tasks, lambda n, of: line.note(f"{n} of {of}")), strict=True
            ):
                said[each.folder] = done.refused or tuple(filter(None, (done.differs,)))
    doubted = [each for each in attempts if said[each.folder]]
    if as_json:
        import json

        rows = [
            {
                "learner": each.learner.slug,
                "exercise": each.exercise,
                "grading": each.folder.name,
                "findings": said[each.folder],
            }
            for each in attempts
        ]
        typer.echo(json.dumps(rows, indent=2))
    else:
        for each in doubted:
            for words in said[each.folder]:
                typer.echo(f"{each.learner.slug}, {each.exercise}, {each.folder.name}: {words}")
    ui.say(f"{len(attempts)} gradings, something speaks against {len(doubted)} of them")
    return Exit.CHECKS_FAILED if doubted else Exit.OK
