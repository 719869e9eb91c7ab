"""`vlab ci`: grade a submission from nothing: a cluster if there is none, a fresh namespace, results for the CI."""

from pathlib import Path
from typing import Annotated

import typer

from vlab import catalog, ui
from vlab.cli.options import DEFAULT, Json, Name, write_file
from vlab.errors import Exit, LabError
from vlab.names import checked_learner
from vlab.settings import NAMESPACE


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ci")(ci)


def ci(
    submission: Annotated[
        Path, typer.Option(help="A folder with manifests/ and answers/, or a file that `vlab submit` made.")
    ],
    exercise: Annotated[str, typer.Option(help="Which; a file of `vlab submit` says it.")] = "",
    name: Name = DEFAULT,
    learner: Annotated[
        str, typer.Option(envvar="VLAB_LEARNER", callback=checked_learner, help="Whose it is; draws parameters.")
    ] = "submission",
    namespace: Annotated[
        str, typer.Option(help="What the manifests call their namespace; it is another one here.")
    ] = NAMESPACE,
    threshold: Annotated[
        float, typer.Option(min=0, max=100, help="The percentage from which on it is passed.")
    ] = 100.0,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for the deployment to settle.")] = 300.0,
    junit: Annotated[Path | None, typer.Option(help="Also write JUnit XML.")] = None,
    html: Annotated[Path | None, typer.Option(help="Also write the report as one HTML page.")] = None,
    gradescope: Annotated[Path | None, typer.Option(help="Also write Gradescope's results.json.")] = None,
    prairielearn: Annotated[Path | None, typer.Option(help="Also write PrairieLearn's results.json.")] = None,
    classroom: Annotated[Path | None, typer.Option(help="Also write Classroom 50's result.json.")] = None,
    step_summary: Annotated[Path | None, typer.Option(help="Also add to a GitHub step summary, in Markdown.")] = None,
    as_json: Json = False,
) -> int:
    """Grade what somebody handed in.

    It is read as hostile: what may not be applied is refused with the reason before anything is made, and the rest is
    applied with a learner's account in a namespace of its own, which is gone afterwards. The lab stays up.

    Exit code 0: the threshold is reached; 1: it is not; 2: the submission was refused, and the files say why; 6: what
    it would take could not be told.
    """
    from vlab import submitted
    from vlab.cluster import lab as labs
    from vlab.cluster.choice import brought_up
    from vlab.evidence import Evidence
    from vlab.report import render, terminal
    from vlab.submission import Policy, read_submission

    try:
        read = read_submission(submission)
        wanted = catalog.exercise(exercise or read.header.exercise)
        found = submitted.admitted(read, Policy(namespace=namespace))
    except LabError as e:
        if not exercise:
            raise
        wanted, found = catalog.exercise(exercise), submitted.Admitted(refused=(e.message,))
    recorded = None
    if found.refused:
        report = submitted.refused_report(wanted, learner, found.refused)
    else:
        with ui.Steps() as steps:
            lab = labs.find(name)
            if lab is None or lab.state != "ready":
                lab = brought_up(name, steps)
            report, folder = submitted.graded(read, wanted, lab, learner, found, steps, timeout)
        evidence = folder / "evidence"
        recorded = Evidence(evidence) if evidence.is_dir() else None
        ui.say(f"evidence: {folder}")
    files = {"junit": junit, "html": html, "gradescope": gradescope, "prairielearn": prairielearn}
    for format, file in {**files, "classroom50": classroom, "step-summary": step_summary}.items():
        if file is not None:
            write_file(file, render(report, recorded, format), add=format == "step-summary")
    typer.echo(report.model_dump_json(indent=2)) if as_json else ui.out.print(terminal.render(report, recorded))
    if submitted.is_refused(report):
        return Exit.USAGE
    if report.percent is None:
        return Exit.GRADER
    return Exit.OK if report.percent >= threshold else Exit.CHECKS_FAILED
