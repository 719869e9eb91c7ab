"""Proves a scenario on a live cluster before anybody is graded by it: its whole life, phase by phase."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vlab import exercise, judgement, ui
from vlab.catalog import Scenario
from vlab.cluster.lab import GPU, Lab
from vlab.cluster.up import kube
from vlab.model import Report, Verdict

Object = dict[str, Any]

LEARNER = "gate"
NAMESPACE = "vlab-gate"
PATIENCE_S = 240.0


@dataclass(frozen=True)
class Phase:
    """One thing that must hold: `name` is also the folder of its recorded evidence."""

    name: str
    must: str
    holds: bool
    found: str


def run(scenario: Scenario, lab: Lab, steps: ui.Steps, record: Path | None = None) -> Iterator[Phase]:
    """Live through the scenario; one result for each phase, as soon as it is known.

    Args:
        record: a folder to put the evidence of each phase into.
    """
    started = exercise.start(lab, scenario, LEARNER, NAMESPACE, replace=True)
    at_the_start = essence(json.loads(started.baseline.read_text()))

    def graded(phase: str) -> Report:
        report, folder = judgement.judge(started, lab, scenario, steps, PATIENCE_S)
        if record is not None:
            _keep(folder / "evidence", record / phase)
        return report

    exercise.deploy(started, lab, scenario, faulty=False)
    yield _passes("healthy", graded("healthy"))
    exercise.reset(started, lab, scenario)
    yield _fails("faulty", graded("faulty"))
    exercise.run_script(started, lab, scenario.folder / "solution" / "apply.sh")
    yield _passes("solved", graded("solved"))
    for wrong, check in scenario.wrong.items():
        exercise.reset(started, lab, scenario)
        exercise.run_script(started, lab, scenario.folder / "wrong" / wrong / "apply.sh")
        yield _fails_on(wrong, check, graded(wrong))
    exercise.reset(started, lab, scenario)
    yield _is_reset(at_the_start, essence(exercise.snapshot(kube(lab), started)))
    exercise.remove(kube(lab), lab, NAMESPACE)


def _keep(evidence: Path, to: Path) -> None:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(evidence, to)


def _passes(name: str, report: Report) -> Phase:
    return Phase(name, "every check passes", report.passed, _verdicts(report))


def _fails(name: str, report: Report) -> Phase:
    failed = any(c.verdict is Verdict.FAIL for c in report.checks)
    return Phase(name, "a check fails, none is in doubt", failed and not _in_doubt(report), _verdicts(report))


def _fails_on(name: str, check: str, report: Report) -> Phase:
    verdicts = {c.id: c.verdict for c in report.checks}
    return Phase(name, f"{check} fails", verdicts.get(check) is Verdict.FAIL, _verdicts(report))


def _in_doubt(report: Report) -> bool:
    return any(c.verdict is Verdict.ERROR for c in report.checks)


def _verdicts(report: Report) -> str:
    notable = [f"{c.id}: {c.verdict}" for c in report.checks if c.verdict is not Verdict.PASS]
    return ", ".join(notable) or "all pass"


def _is_reset(before: dict[str, Object], after: dict[str, Object]) -> Phase:
    differing = sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k))
    return Phase("reset", "equals the start", not differing, ", ".join(differing) or "equal")


def essence(objects: list[Object]) -> dict[str, Object]:
    """What somebody has decided about each object, by kind, namespace and name: not its identity, history or status.

    Pods and ReplicaSets follow from their Deployment and are left out; of a node the GPUs are kept.
    """
    return {
        f"{o['kind']} {o['metadata'].get('namespace', '')}/{o['metadata']['name']}": _decided(o)
        for o in objects
        if not _follows(o)
    }


def _follows(found: Object) -> bool:
    return bool(found["metadata"].get("ownerReferences"))


def _decided(found: Object) -> Object:
    metadata = {"labels": found["metadata"].get("labels", {})}
    if found["kind"] == "Node":
        gpus = {k: v for k, v in found["status"]["capacity"].items() if k.startswith(GPU.split("/")[0])}
        return {"metadata": metadata, "gpus": gpus, "spec": found["spec"]}
    rest = {k: v for k, v in found.items() if k not in ("metadata", "status", "apiVersion", "kind")}
    if found["kind"] == "PersistentVolumeClaim":  # a volume that is bound stays bound
        rest = {"spec": {k: v for k, v in found["spec"].items() if k != "volumeName"}}
    return {"metadata": metadata, **rest}
