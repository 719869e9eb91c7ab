"""`vlab class regrade`: grade kept evidence anew by today's graders, and say what changed."""

from typing import TYPE_CHECKING, Annotated

import typer

from vlab import ui
from vlab.cli.options import ClassName, Json, Learners, TrustedKey
from vlab.errors import Exit

if TYPE_CHECKING:
    from vlab.classroom.regrade import Regraded


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("regrade")(regrade)


def regrade(
    exercise: Annotated[str, typer.Argument(metavar="[EXERCISE]", help="Only this one.", show_default=False)] = "",
    of: ClassName = "",
    learner: Learners = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; say what would change.")] = False,
    key: TrustedKey = None,
    as_json: Json = False,
) -> int:
    """Grade kept evidence anew. The report before stays beside the new one. Exit code 6: some were left as they are."""
    from vlab.classroom import regrade as regrading
    from vlab.classroom import results, store

    found = store.get(of)
    wanted = {each.slug for each in store.chosen(found, tuple(learner or ()))}
    if exercise:
        from vlab import catalog

        exercise = catalog.exercise(exercise).id
    with store.at_work(found.name, "regrading"):
        attempts = [each for each in results.attempts(found, exercise) if each.learner.slug in wanted]
        with ui.Steps() as steps, steps.step(f"Grade {len(attempts)} gradings anew") as line:
            done = regrading.regrade(
                found, attempts, lambda n, of: line.note(f"{n} of {of}"), write=not dry_run, key=key
            )
    if as_json:
        import json

        typer.echo(json.dumps([each.model_dump(mode="json") for each in done], indent=2))
    else:
        _show(done)
    left = [each for each in done if each.refused]
    for each in left:
        ui.say(f"{each.learner}, {each.exercise}, {each.grading}: left as it is: {'; '.join(each.refused)}", "yellow")
    changed = sum(bool(each.changes) for each in done)
    said = "would change" if dry_run else "changed"
    ui.say(f"{len(done)} gradings: {changed} {said}, {len(left)} left as they are")
    return Exit.GRADER if left else Exit.OK


def _show(done: "list[Regraded]") -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("learner", "exercise", "check", "verdict", "because", "percent", box=None)
    for each in done:
        percent = f"{_percent(each.before)} → {_percent(each.after)}"
        for change in each.changes:
            table.add_row(
                each.learner,
                each.exercise,
                " ".join(filter(None, (change.part, change.check))),
                f"{change.before.verdict or 'none'} → {change.after.verdict or 'none'}",
                Text(f"{change.before.words or '-'} → {change.after.words or '-'}"),
                percent,
            )
        if each.differs:
            table.add_row(each.learner, each.exercise, "", "", Text(each.differs), percent)
    if table.row_count:
        ui.out.print(table)


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{value:g}%"
