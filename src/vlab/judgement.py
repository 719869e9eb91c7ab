"""One grading of a run: wait until it has settled, record evidence, judge it, keep all of it."""

from datetime import UTC, datetime
from pathlib import Path

from vlab import settle, ui
from vlab.catalog import Scenario
from vlab.cluster.lab import Lab
from vlab.cluster.up import kube
from vlab.collect import collect
from vlab.errors import Exit, LabError
from vlab.evidence import Evidence
from vlab.exercise import Run
from vlab.grading import grade
from vlab.model import Report
from vlab.report import render

FILES = {"report.json": "json", "report.xml": "junit"}
"""What each grading keeps, by format. HTML is made when it is asked for: its plots take a second."""


def judge(
    run: Run, lab: Lab, scenario: Scenario, steps: ui.Steps, patience: float = settle.PATIENCE_S
) -> tuple[Report, Path]:
    """Grade what is deployed now.

    Returns:
        The report, and the folder that keeps it with its evidence.
    """
    cluster = kube(lab)
    if not cluster.answers():
        raise LabError(
            f"the cluster of lab {lab.name!r} does not answer, so nothing can be graded",
            f"`vlab up --name {lab.name}` mends it",
            Exit.NO_LAB,
        )
    with steps.step("Wait for the deployment to settle") as line:
        # Where every image is on every node already, a container is there at once or never.
        creating = patience if lab.provider == "context" else 60.0
        still = settle.settle(cluster, run.namespace, line.note, patience, creating)
    if still is not None:
        ui.say(f"grading what is there, though {still} after {patience:.0f} s")
    folder = run.folder / "gradings" / f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
    folder.mkdir(parents=True)
    with steps.step("Record evidence") as line:
        collect(run, lab, scenario.collect, folder / "evidence", line.note)
    recorded = Evidence(folder / "evidence")
    report = grade(recorded, scenario.grader, scenario.title)
    for name, format in FILES.items():
        (folder / name).write_text(render(report, recorded, format))
    return report, folder
