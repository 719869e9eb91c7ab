"""`vlab hint`: the next hint."""

from typing import Annotated

import typer
from rich.markdown import Markdown

from vlab import catalog, ui
from vlab.cli.options import DEFAULT, LEARNER, ExerciseId, Learner, Name
from vlab.cluster import lab


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("hint")(hint)


def hint(
    scenario: ExerciseId,
    name: Name = DEFAULT,
    learner: Learner = LEARNER,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> None:
    """Show the next hint: first where to look, then what it means, then what to change."""
    from vlab import journal, runs
    from vlab.deployment import names

    wanted = catalog.exercise(scenario)
    run = runs.load(lab.get(name), wanted, learner)
    hints = wanted.hints(names(run))
    seen = len(hints) if every else min(run.hints_seen + 1, len(hints))
    run.saw_hints(seen)
    journal.append(learner, journal.Hint(scenario=wanted.id, number=seen))
    ui.out.print(Markdown("\n\n".join(hints[:seen] if every else hints[seen - 1 : seen])))
    ui.say(f"hint {seen} of {len(hints)}")
