"""`vlab grade`: judge what is deployed, or what was recorded."""

from pathlib import Path
from typing import Annotated

import typer

from vlab import catalog, ui
from vlab.cli.options import DEFAULT, LEARNER, ExerciseId, Json, Learner, Name, write_file
from vlab.cluster import lab
from vlab.errors import Exit, LabError
from vlab.model import Report


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("grade")(grade)


def grade(
    scenario: ExerciseId,
    name: Name = DEFAULT,
    learner: Learner = LEARNER,
    evidence: Annotated[
        Path | None, typer.Option(help="Judge this recorded folder instead; no cluster is needed.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for the deployment to settle.")] = 300.0,
    html: Annotated[Path | None, typer.Option(help="Also write the report as one HTML page.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Also write it as JUnit XML.")] = None,
    require_signature: Annotated[
        bool, typer.Option("--require-signature", help="Refuse recorded evidence that no trusted key has signed.")
    ] = False,
    key: Annotated[Path | None, typer.Option(help="The public key to trust, instead of this machine's.")] = None,
    as_json: Json = False,
) -> int:
    """Judge the deployment. Exit code 0: all passed; 1: a check failed; 6: nothing failed, but one could not tell."""
    wanted = catalog.exercise(scenario)
    if evidence is not None:
        report, recorded = _replay(wanted, evidence, require_signature, key), evidence
    else:
        report, folder = _live(wanted, name, learner, timeout)
        recorded = folder / "evidence"
    _show(report, recorded, as_json, {"html": html, "junit": junit})
    ui.say(f"evidence: {recorded}")
    if report.passed:
        return Exit.OK
    return Exit.GRADER if report.undecided else Exit.CHECKS_FAILED


def _replay(wanted: catalog.Exercise, folder: Path, require_signature: bool, key: Path | None) -> Report:
    from vlab.evidence import load, seal
    from vlab.grading import grade_exercise

    recorded = load(folder)
    if require_signature:
        seal.require(recorded, key)
    if recorded.header.scenario != wanted.id:
        raise LabError(
            f"{folder} is evidence of {recorded.header.scenario}, not of {wanted.id}",
            f"run `vlab grade {recorded.header.scenario} --evidence {folder}`",
        )
    return grade_exercise(recorded, wanted)


def _live(wanted: catalog.Exercise, name: str, learner: str, timeout: float) -> tuple[Report, Path]:
    from vlab import journal, judgement, runs

    found = lab.get(name)
    run = runs.load(found, wanted, learner)
    with ui.Steps() as steps:
        report, folder = judgement.judge(run, found, wanted, steps, timeout)
    graded = journal.Graded(scenario=wanted.id, started=run.started, passed=report.passed, percent=report.percent)
    journal.append(learner, graded)
    return report, folder


def _show(report: Report, recorded: Path, as_json: bool, files: dict[str, Path | None]) -> None:
    from vlab.evidence import Evidence
    from vlab.report import render, terminal

    for format, file in files.items():
        if file is not None:
            write_file(file, render(report, Evidence(recorded), format))
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        ui.out.print(terminal.render(report, Evidence(recorded)))
