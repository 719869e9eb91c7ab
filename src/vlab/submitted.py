"""Grades what somebody handed in: reads it as hostile, applies it as a learner in a namespace of its own, judges it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from vlab import __version__, judgement, proc, runs, ui
from vlab.catalog import Exercise
from vlab.classroom.model import Class, Learner
from vlab.classroom.one import class_of_one
from vlab.cluster.kubectl import kubectl_path
from vlab.cluster.lab import Lab
from vlab.cluster.objects import WORKLOADS
from vlab.errors import Exit, LabError
from vlab.evidence import Object
from vlab.grading import score
from vlab.grading.load import checks_in
from vlab.model import CheckResult, Report, Verdict
from vlab.submission import Policy, Submission, admit, manifests

_APPLY_S = 60.0
_IMMUTABLE = ("field is immutable", "updates to statefulset spec", "pod updates may not change")
_CLASS = "ci"
_ADMITTED = "submission-admitted"


@dataclass(frozen=True)
class Admitted:
    """What of a submission may be applied, in the order in which it is; or why none of it is."""

    objects: tuple[Object, ...] = ()
    refused: tuple[str, ...] = ()


def admitted(submission: Submission, policy: Policy) -> Admitted:
    """Look at a submission before anything is made for it; whatever is wrong with it is in `refused`."""
    try:
        found = [each.object for each in manifests(submission)]
    except LabError as e:
        return Admitted(refused=(e.message,))
    if refused := admit(found, policy):
        return Admitted(refused=tuple(map(str, refused)))
    kept = [each for each in found if each["kind"] != "Namespace"]  # it has a namespace already
    return Admitted(objects=tuple(sorted(kept, key=lambda each: each["kind"] in WORKLOADS)))


def graded(
    submission: Submission, exercise: Exercise, lab: Lab, whose: str, found: Admitted, steps: ui.Steps, patience: float
) -> tuple[Report, Path]:
    """Start the exercise, apply what was handed in, and judge what comes of it.

    Returns:
        The report, and the folder that keeps it with its evidence.

    Raises:
        LabError: the exercise could not be started, or nothing could be graded.
    """
    with class_of_one(lab, exercise, _CLASS, whose, steps) as (of, learner):
        run = runs.load(lab, exercise, learner.slug)
        with steps.step(f"Apply {len(found.objects)} objects") as line:
            for each in found.objects:
                line.note(f"{each['kind']} {each['metadata']['name']}")
                if refused := _apply(of, learner, each):
                    return _kept(run, refused_report(exercise, whose, [refused]))
        for name, text in submission.answers.items():
            runs.write_whole(run.answers / name, text.decode(errors="replace"))
        return judgement.judge(run, lab, exercise, steps, patience)


def _apply(of: Class, learner: Learner, wanted: Object) -> str:
    """Apply an object with the learner's account; returns why the cluster refused it, empty if it did not.

    kubectl does it, as a learner would: what the exercise's own object has and this one not, goes.
    """
    space = of.namespace(learner)
    text = json.dumps({**wanted, "metadata": {**wanted["metadata"], "namespace": space}})
    base: list[str | Path] = [kubectl_path(), "--kubeconfig", of.kubeconfig(learner), "--namespace", space]
    try:
        proc.output([*base, "apply", "-f", "-"], stdin=text, timeout=_APPLY_S, exit_code=Exit.NO_LAB)
    except LabError as e:
        if not any(words in e.message for words in _IMMUTABLE):
            return f"{wanted['kind']}/{wanted['metadata']['name']}: {e.message}"
        try:  # what cannot be changed in place is made anew
            proc.output([*base, "replace", "--force", "-f", "-"], stdin=text, timeout=_APPLY_S, exit_code=Exit.NO_LAB)
        except LabError as again:
            return f"{wanted['kind']}/{wanted['metadata']['name']}: {again.message}"
    return ""


def _kept(run: runs.Run, report: Report) -> tuple[Report, Path]:
    folder = run.new_grading()
    (folder / "report.json").write_text(report.model_dump_json(indent=2))
    return report, folder


def is_refused(report: Report) -> bool:
    """Whether a report is of a submission that was not applied."""
    return any(check.id == _ADMITTED for check in report.checks)


def refused_report(exercise: Exercise, whose: str, refused: Sequence[str]) -> Report:
    """The report of a submission that is not applied: one check, worth all points of the exercise, that failed."""
    now = datetime.now(UTC).replace(microsecond=0)
    result = CheckResult(
        id=_ADMITTED,
        title="Everything that was handed in may be applied",
        points=sum(each.points for each in checks_in(*exercise.graders)),
        earned=0,
        verdict=Verdict.FAIL,
        expected="manifests of what the exercise needs, for its namespace alone",
        actual="; ".join(refused)[:2000],
        help="Take out what is named, and hand it in again; nothing of it was applied.",
    )
    return Report(
        vlab=__version__,
        scenario=exercise.id,
        title=exercise.title,
        learner=whose,
        parameters={},
        cluster={},
        recorded=now,
        graded_at=now,
        evidence="",
        seal="unsigned",
        checks=(result,),
        **score.score([result]),
    )
