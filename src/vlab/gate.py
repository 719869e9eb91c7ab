"""Proves an exercise on a live cluster before anybody is graded by it: its whole life, phase by phase, both sides."""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vlab import exercise, freshness, judgement, own_loads, runs, settle, ui
from vlab.begin import measure_fault
from vlab.bring import bring
from vlab.catalog import Exercise, Parameters
from vlab.cluster import nodes
from vlab.cluster.kube import Kube, kube
from vlab.cluster.lab import Lab
from vlab.cluster.objects import snapshot
from vlab.deployment import kept
from vlab.errors import LabError
from vlab.essence import essences
from vlab.evidence import slim
from vlab.model import Report, Verdict
from vlab.phases import holds, must, phases
from vlab.runs import Run
from vlab.scripts import run_script

Object = dict[str, Any]

LEARNER = "gate"
NAMESPACE = "vlab-gate"
PATIENCE_S = 240.0


@dataclass(frozen=True)
class Phase:
    """One thing that must hold: `name` is also what its recorded evidence is called."""

    name: str
    must: str
    holds: bool
    found: str


def run(
    scenario: Exercise,
    lab: Lab,
    steps: ui.Steps,
    record: Path | None = None,
    names: Iterable[str] | None = None,
    parameters: Parameters | None = None,
) -> Iterator[Phase]:
    """Live through the exercise; one result for each phase, as soon as it is known.

    Args:
        record: a folder to put the evidence of each phase into, as PHASE.zip.
        names: the phases to live through, each asked for when the one before is over; all if not given.
        parameters: others than the gate's own learner has.
    """
    life: _Life | None = None
    try:
        for name in phases(scenario) if names is None else names:
            life = life or _Life(scenario, lab, steps, record, parameters)
            yield life.phase(name)
    except LabError as e:
        yield Phase("start", "the exercise starts", False, e.message)
    finally:
        if life is not None:
            life.end()
        else:  # what had been made before it failed
            exercise.remove(kube(lab), lab, NAMESPACE)


class _Life:
    """An exercise that is lived through on a lab."""

    def __init__(
        self, scenario: Exercise, lab: Lab, steps: ui.Steps, record: Path | None, parameters: Parameters | None
    ) -> None:
        self.scenario, self.lab, self.steps, self.record = scenario, lab, steps, record
        self.cluster: Kube = kube(lab)
        self.spaces = self._spaces()
        self.run: Run = exercise.start(lab, scenario, LEARNER, NAMESPACE, replace=True, parameters=parameters)
        self.started: list[Object] = runs.read_objects(self.run.start)
        if scenario.measured:
            self._measure()

    def _measure(self) -> None:
        """What every phase is compared with: the fault, measured as `vlab start` does."""
        with self.steps.step("Measure the fault") as line:
            limits = settle.Limits(patient=False)
            settle.settle(self.cluster, self.lab, NAMESPACE, line.note, self.scenario.awaited, PATIENCE_S, limits)
            measure_fault(self.cluster, self.lab, self.scenario, self.run, line.note)

    def _spaces(self) -> set[str]:
        return {o["metadata"]["name"] for o in self.cluster.items("namespaces")}

    def phase(self, name: str) -> Phase:
        """Live through one; trouble of vlab's own is a phase that does not hold, and the next one begins anew."""
        kind, _, mending = name.partition("-")
        try:
            return self._how(kind)(name, mending)
        except LabError as e:
            return Phase(name, "vlab itself has no trouble", False, e.message)

    def _how(self, kind: str) -> Callable[[str, str], Phase]:
        return {
            "healthy": self._healthy,
            "faulty": self._faulty,
            "untouched": self._faulty,
            "solved": self._solved,
            "also": self._also,
            "wrong": self._wrong,
            "reset": self._reset,
        }[kind]

    def _again(self) -> None:
        """Everything back to the start, and nothing written yet."""
        self._remove_strangers()
        self.run = exercise.reset(self.run, self.lab, self.scenario)
        for folder in (self.run.answers, own_loads.folder(self.run)):
            shutil.rmtree(folder, ignore_errors=True)
        self.run.offer(self.scenario.templates)

    def _remove_strangers(self) -> None:
        """The namespaces that a mending made outside of the exercise."""
        for name in sorted(self._spaces() - self.spaces):
            found = self.cluster.find("namespaces", name)
            if found and not found["metadata"].get("labels", {}).keys() >= self.lab.labels.keys():
                self.cluster.delete("namespaces", name)
                self.cluster.gone("namespaces", name)

    def _judged(self, phase: str) -> Phase:
        report = self._graded(phase)
        held = holds(self.scenario, phase, report.checks)
        return Phase(phase, must(self.scenario, phase), held, _verdicts(report))

    def _graded(self, phase: str) -> Report:
        report, folder = judgement.judge(
            self.run, self.lab, self.scenario, self.steps, PATIENCE_S, freshness.made_from(self.scenario)
        )
        if self.record is not None:
            self.record.mkdir(parents=True, exist_ok=True)
            slim.pack(folder / "evidence", self.record / f"{phase}.zip")
        return report

    def _healthy(self, name: str, _: str) -> Phase:
        made = kept(self.run)
        bring(self.cluster, self.lab, self.run, made.healthy, self.scenario)
        return self._judged(name)

    def _faulty(self, name: str, _: str) -> Phase:
        self._again()
        return self._judged(name)

    def _solved(self, name: str, _: str) -> Phase:
        self._again()
        run_script(self.run, self.lab, self.scenario, self.scenario.folder / "solution" / "apply.sh")
        return self._judged(name)

    def _also(self, name: str, mending: str) -> Phase:
        self._again()
        run_script(self.run, self.lab, self.scenario, self.scenario.script("also", mending))
        return self._judged(name)

    def _wrong(self, name: str, mending: str) -> Phase:
        self._again()
        run_script(self.run, self.lab, self.scenario, self.scenario.script("wrong", mending))
        return self._judged(name)

    def _reset(self, name: str, _: str) -> Phase:
        self._again()
        before, after = essences(self.started), essences(snapshot(self.cluster, self.lab, NAMESPACE))
        differing = sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k))
        found = ", ".join("/".join(k) for k in differing) or "equal"
        return Phase(name, "equals the start", not differing, found)

    def end(self) -> None:
        """Nothing of it stays."""
        self._remove_strangers()
        nodes.restore(self.cluster, self.lab)
        exercise.remove(self.cluster, self.lab, NAMESPACE)


def _verdicts(report: Report) -> str:
    notable = [c for c in report.checks if c.verdict not in (Verdict.PASS, Verdict.SKIP)]
    return json.dumps({c.id: c.actual or c.reason for c in notable}) if notable else "all pass"
