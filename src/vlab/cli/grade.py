"""`vlab grade`: judge what is deployed, or what was recorded."""

from pathlib import Path
from typing import Annotated

import typer

from vlab import catalog, ui
from vlab.cli.options import DEFAULT, LEARNER, Json, Learner, Name, ScenarioId
from vlab.cluster import lab
from vlab.errors import Exit
from vlab.report.model import Report


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("grade")(grade)


def grade(
    scenario: ScenarioId,
    name: Name = DEFAULT,
    learner: Learner = LEARNER,
    evidence: Annotated[
        Path | None, typer.Option(help="Judge this recorded folder instead; no cluster is needed.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for the deployment to settle.")] = 300.0,
    junit: Annotated[Path | None, typer.Option(help="Also write JUnit XML to this file.")] = None,
    as_json: Json = False,
) -> int:
    """Judge the deployment. Exit code 0: all passed; 1: a check failed; 6: nothing failed, but one could not tell."""
    wanted = catalog.scenario(scenario)
    if evidence is not None:
        report, where = _replay(wanted, evidence), evidence
    else:
        report, where = _live(wanted, name, learner, timeout)
    _show(report, as_json, junit)
    ui.say(f"evidence and report: {where}")
    if report.passed:
        return Exit.OK
    return Exit.GRADER if report.undecided else Exit.CHECKS_FAILED


def _replay(wanted: catalog.Scenario, folder: Path) -> Report:
    from vlab.evidence import Evidence
    from vlab.grading import grade as judged

    return judged(Evidence(folder), wanted.grader, wanted.title)


def _live(wanted: catalog.Scenario, name: str, learner: str, timeout: float) -> tuple[Report, Path]:
    from vlab import exercise, judgement

    found = lab.get(name)
    run = exercise.load(found, wanted, learner)
    with ui.Steps() as steps:
        return judgement.judge(run, found, wanted, steps, timeout)


def _show(report: Report, as_json: bool, junit: Path | None) -> None:
    from vlab.report import junit as xml
    from vlab.report import terminal

    if junit is not None:
        junit.write_text(xml.render(report))
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        ui.out.print(terminal.render(report))
