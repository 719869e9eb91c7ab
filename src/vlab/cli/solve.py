"""`vlab solve`: apply the reference solution."""

import typer
from rich.markdown import Markdown

from vlab import catalog, ui
from vlab.cli.options import DEFAULT, LEARNER, Learner, Name, ScenarioId
from vlab.cluster import lab


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("solve")(solve)


def solve(scenario: ScenarioId, name: Name = DEFAULT, learner: Learner = LEARNER) -> None:
    """Mend the deployment as the reference solution does, and explain it."""
    from vlab import exercise, runs
    from vlab.scripts import run_script

    wanted = catalog.scenario(scenario)
    found = lab.get(name)
    run = runs.load(found, wanted, learner)
    with ui.Steps() as steps, steps.step(f"Apply the solution of {wanted.id}") as line:
        # From the start, so that it works whatever was tried before.
        run = exercise.reset(run, found, wanted, line.note)
        run_script(run, found, wanted, wanted.folder / "solution" / "apply.sh")
    ui.out.print(Markdown(wanted.text("solution/README.md", run.parameters)))
