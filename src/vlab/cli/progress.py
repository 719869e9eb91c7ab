"""`vlab progress`: how far you are: exercises, best scores, hints, minutes, the quiz."""

import typer
from rich.markup import escape
from rich.table import Table

from vlab import catalog, journal, quiz, ui
from vlab import progress as told
from vlab.cli.options import LEARNER, Json, Learner


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("progress")(progress)


def progress(learner: Learner = LEARNER, as_json: Json = False) -> None:
    """Show how far you are in the exercises and the quiz, over all labs, those that are gone included.

    It is counted from what you did on this machine, and sent nowhere.
    """
    kept = journal.known(learner)
    found = told.Progress(
        learner=learner,
        exercises=tuple(told.exercise_progress(e, kept.events) for e in catalog.exercises().values()),
        quiz=tuple(told.topic_progress(t, kept.events) for t in quiz.topics().values()),
        unreadable_lines=kept.unreadable,
    )
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
        return
    ui.out.print(_exercises(found))
    ui.out.print()
    ui.out.print(_quiz(found))
    done = sum(s.state == "done" for s in found.exercises)
    ui.say(
        f"{done} of {len(found.exercises)} exercises done; `vlab list` shows them, `vlab quiz` goes on with the quiz"
    )


def _exercises(found: told.Progress) -> Table:
    table = Table(
        "exercise", "task", "state", "best", "gradings", "hints", "solution", "minutes", box=None, pad_edge=False
    )
    for row in found.exercises:
        best = "" if row.best_percent is None else f"{row.best_percent:g}%"
        solution = f"seen {row.solution}" if row.solution else ""
        minutes = "" if row.minutes is None else f"{row.minutes:.0f}"
        counts = [str(n or "") for n in (row.gradings, row.hints)]
        table.add_row(row.id, str(row.task), row.state, best, *counts, solution, minutes)
    return table


def _quiz(found: told.Progress) -> Table:
    table = Table("quiz", "right", "wrong", "written", "left", box=None, pad_edge=False)
    for row in found.quiz:
        counts = [str(n or "") for n in (row.right, row.wrong, row.written, row.left)]
        table.add_row(f"{row.id}: {escape(row.title)}", *counts)
    return table
