"""`vlab hint`: the next hint."""

from typing import Annotated

import typer
from rich.markdown import Markdown

from vlab import catalog, ui
from vlab.cli.options import DEFAULT, LEARNER, Learner, Name, ScenarioId
from vlab.cluster import lab


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("hint")(hint)


def hint(
    scenario: ScenarioId,
    name: Name = DEFAULT,
    learner: Learner = LEARNER,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> None:
    """Show the next hint: first where to look, then what it means, then what to change."""
    from vlab import runs

    wanted = catalog.scenario(scenario)
    run = runs.load(lab.get(name), wanted, learner)
    hints = wanted.hints(run.parameters)
    seen = len(hints) if every else min(run.hints_seen + 1, len(hints))
    run.saw_hints(seen)
    ui.out.print(Markdown("\n\n".join(hints[:seen] if every else hints[seen - 1 : seen])))
    ui.say(f"hint {seen} of {len(hints)}")
