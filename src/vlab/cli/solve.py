"""`vlab solve`: apply the reference solution."""

import typer
from rich.markdown import Markdown

from vlab import catalog, ui
from vlab.cli.options import DEFAULT, LEARNER, ExerciseId, Learner, Name
from vlab.cluster import lab


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("solve")(solve)


def solve(scenario: ExerciseId, name: Name = DEFAULT, learner: Learner = LEARNER) -> None:
    """Do what the reference solution does, and explain it; what you wrote stays as it is."""
    from vlab import exercise, journal, runs
    from vlab.deployment import names
    from vlab.scripts import run_script

    wanted = catalog.exercise(scenario)
    found = lab.get(name)
    run = runs.load(found, wanted, learner)
    with ui.Steps() as steps, steps.step(f"Apply the solution of {wanted.id}") as line:
        # From the start, so that it works whatever was tried before.
        run = exercise.reset(run, found, wanted, line.note)
        run_script(run, found, wanted, wanted.folder / "solution" / "apply.sh", run.folder / "solution")
    journal.append(learner, journal.Solution(scenario=wanted.id))
    if wanted.templates:
        ui.say(f"what it would have you write is in {run.folder / 'solution'}; yours is in {run.answers}")
    ui.out.print(Markdown(wanted.text("solution/README.md", names(run))))
