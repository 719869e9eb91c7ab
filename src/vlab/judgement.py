"""One grading of a run: wait until it has settled, record evidence, judge it, keep all of it."""

import time
from pathlib import Path

from vlab import exercise, runs, settle, ui
from vlab.catalog import Exercise
from vlab.cluster.kube import Kube, kube
from vlab.cluster.lab import Lab
from vlab.collect import collect
from vlab.errors import Exit, LabError
from vlab.evidence import Evidence, Settled
from vlab.grading import grade_exercise, refuse_uncollected
from vlab.model import Report
from vlab.report import render
from vlab.runs import Run
from vlab.settle import Limits

FILES = {"report.json": "json", "report.xml": "junit"}
"""What each grading keeps, by format. HTML is made when it is asked for: its plots take a second."""

LIMITS = {"kind-built": Limits(creating=60.0, starting=240.0)}
"""Where every image is on every node already a container is there at once or never, and an engine that takes 35
seconds to start alone, and four times that beside three others, is not ready after 240 for a reason that stays."""


def judge(
    run: Run,
    lab: Lab,
    scenario: Exercise,
    steps: ui.Steps,
    patience: float = settle.PATIENCE_S,
    made_from: str = "",
) -> tuple[Report, Path]:
    """Grade what is deployed now.

    Args:
        made_from: the digest to keep with a run that is recorded for replay.

    Returns:
        The report, and the folder that keeps it with its evidence.

    Raises:
        LabError: the cluster does not answer, or is not the one of the run: then nothing can be said.
    """
    refuse_uncollected(scenario.graders, scenario.collect)
    cluster = kube(lab)
    if not _answers(cluster, patience):
        raise LabError(
            f"the cluster of lab {lab.name!r} does not answer, so nothing can be graded",
            f"`vlab up --name {lab.name}` mends it",
            Exit.NO_LAB,
        )
    exercise.same_cluster(cluster, run)
    exercise.same_namespace(cluster, run)
    with runs.at_work(run, "grading"):
        folder = run.new_grading()
        limits = LIMITS.get(lab.provider, Limits(patience, patience))
        end = time.monotonic() + patience

        def wait() -> Settled:
            with steps.step("Wait for the deployment to settle") as line:
                left = max(0.0, end - time.monotonic())
                settled = settle.settle(cluster, lab, run.namespace, line.note, scenario.awaited, left, limits)
            if settled.moving:
                ui.say(f"{settled.moving}, still after {patience:.0f} s: what that decides cannot be told")
            return settled

        with steps.step("Record evidence") as line:
            collect(run, lab, scenario, folder / "evidence", wait, limits, line.note, made_from)
        recorded = Evidence(folder / "evidence")
        report = grade_exercise(recorded, scenario)
        for name, format in FILES.items():
            (folder / name).write_text(render(report, recorded, format))
    return report, folder


def _answers(cluster: Kube, patience: float) -> bool:
    """Whether the API answers, at once or again: one that restarts is back within seconds."""
    end = time.monotonic() + min(patience, 30.0)
    while not cluster.answers():
        if time.monotonic() > end:
            return False
        time.sleep(0.5)
    return True
