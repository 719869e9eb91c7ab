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
    from vlab import exercise

    wanted = catalog.scenario(scenario)
    found = lab.get(name)
    run = exercise.load(found, wanted, learner)
    with ui.Steps() as steps, steps.step(f"Apply the solution of {wanted.id}"):
        exercise.run_script(run, found, wanted.folder / "solution" / "apply.sh")
    ui.out.print(Markdown((wanted.folder / "solution" / "README.md").read_text()))
