"""`vlab start`: looks whether a cluster has what an exercise needs, deploys it, and looks that it is as it must be."""

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path

from vlab import __version__, exercise, measure, runs, settle, ui
from vlab.catalog import Exercise, Scenario
from vlab.cluster import witness
from vlab.cluster.gpus import offered
from vlab.cluster.kube import Kube, kube
from vlab.cluster.lab import Lab
from vlab.cluster.objects import snapshot
from vlab.deployment import Room, kept
from vlab.errors import Exit, LabError
from vlab.evidence import Collected, Evidence, Header, write
from vlab.grading.load import checks_in
from vlab.grading.run import judge
from vlab.grading.views import Views
from vlab.measure import Before
from vlab.model import Verdict
from vlab.runs import Run
from vlab.serving import serving
from vlab.settings import GPU, SERVICE

_SHOWS_S = 120.0


def begin(
    lab: Lab,
    scenario: Exercise,
    learner: str,
    namespace: str,
    steps: ui.Steps,
    *,
    replace: bool = False,
    gpus: int | None = None,
    room: Room | None = None,
) -> Run:
    """Start an exercise, if this cluster can show its fault, or has what its task needs.

    Args:
        gpus: how many GPUs the fault may take of a cluster that others use too.
        room: what the namespace has besides.

    Raises:
        LabError: it cannot, or something of it is not as the scenario needs it.
    """
    cluster = kube(lab)
    with steps.step("Look whether this cluster can show it"):
        refuse_unfit(cluster, lab, scenario, gpus)
    with steps.step(f"Deploy {scenario.id}") as line:
        known = runs.find(lab, scenario, learner)
        run = exercise.start(
            lab, scenario, learner, namespace, replace=replace, gpus=gpus, room=room, note=line.note
        )  # fmt: skip
        values = kept(run).values
        witness.ensure(cluster, lab, values, wait=False)  # it loads while the learner reads
    if known is None or known.started != run.started:
        if isinstance(scenario, Scenario):
            with steps.step("Look that the fault is there") as line:
                limits = settle.Limits(patient=False)
                settled = settle.settle(cluster, lab, namespace, line.note, scenario.awaited, _SHOWS_S, limits)
                _refuse_no_fault(cluster, lab, scenario, run, settled.moving)
        elif scenario.starts_with == "server":
            with steps.step("Wait for the server") as line:
                settled = settle.settle(cluster, lab, namespace, line.note, scenario.awaited or (SERVICE,))
                _refuse_no_server(cluster, lab, run, settled.moving)
    if scenario.measured:
        with steps.step("Measure it as it is, to compare with later") as line:
            measure_fault(cluster, lab, scenario, run, line.note)
    return run


def measure_fault(cluster: Kube, lab: Lab, scenario: Exercise, run: Run, note: Callable[[str], None]) -> None:
    """What every grading is compared with. Raises: LabError if it could not be measured, or does not show."""
    before = measure.ensure_before(cluster, lab, run, scenario, note)
    if not isinstance(scenario, Scenario):
        return
    try:
        refuse_unseen(lab, scenario, run, before)
    except LabError as e:  # the first load of a new engine is not always like those after it
        note(f"once more: {e.message}")
        refuse_unseen(lab, scenario, run, measure.ensure_before(cluster, lab, run, scenario, note))


def refuse_unseen(lab: Lab, scenario: Exercise, run: Run, before: Before) -> None:
    """Raises: LabError if what was measured does not show the fault: then nothing can be compared with it.

    The check that must fail on the fault is asked, with the same figures for now as for the start.
    """
    header = Header(
        vlab=__version__,
        scenario=scenario.id,
        learner=run.learner,
        namespace=run.namespace,
        profile=lab.profile,
        parameters=run.parameters,
        started=run.started,
        seconds=0.0,
        collectors=dict.fromkeys(("load", "stream", "before"), Collected(ok=True)),
    )
    with tempfile.TemporaryDirectory(prefix="vlab-") as folder:
        write(Path(folder) / "evidence", header, {**before.parts(), **before.parts("_before")})
        (expected,) = (c for c in checks_in(*scenario.graders) if c.id == scenario.expected)
        result = judge(dataclasses.replace(expected, needs=()), Views(Evidence(Path(folder) / "evidence")), {})
    if result.verdict is not Verdict.FAIL:
        measure.forget_before(lab, run, scenario)
        raise LabError(
            f"what was measured does not show the fault of {scenario.id}: {result.reason or 'all is well'}",
            f"something else may keep this machine busy; begin anew: `vlab start {scenario.id} --replace`",
            Exit.MACHINE,
        )


def refuse_unfit(cluster: Kube, lab: Lab, scenario: Exercise, gpus: int | None = None) -> None:
    """Raises: LabError if the cluster lacks what the scenario needs; before anything is made."""
    needs = scenario.needs
    if lab.profile not in needs.profiles:
        raise LabError(
            f"{scenario.id} shows a fault on profile {', '.join(needs.profiles)} only, and this is {lab.profile}",
            "`vlab list` shows the other scenarios",
            Exit.MACHINE,
        )
    if needs.takes_gpus and lab.provider == "context" and gpus is None:
        raise LabError(
            f"{scenario.id} takes GPUs of a cluster that others may use too",
            "say how many it may take, its neighbour's and the learner's own among them: --take-gpus N",
        )
    nodes = [n for n in cluster.items("nodes") if offered(n) >= needs.gpus_per_node]
    if len(nodes) < needs.nodes:
        many = f"{needs.nodes} nodes" if needs.nodes > 1 else "a node"
        raise LabError(
            f"{scenario.id} needs {many} with {needs.gpus_per_node} {GPU} to give; this cluster has {len(nodes)}",
            "take a cluster with GPUs, or one of vlab's own, which simulates them: `vlab up`",
            Exit.MACHINE,
        )


def _refuse_no_server(cluster: Kube, lab: Lab, run: Run, moving: str) -> None:
    """Raises: LabError if the healthy deployment that a task begins with does not serve."""
    if not serving(snapshot(cluster, lab, run.namespace), run.namespace).pods:
        raise LabError(
            f"the server of {run.scenario} does not get ready: {moving or 'it is stuck'}",
            f"`vlab kubectl describe pods` says why; then begin anew: `vlab start {run.scenario} --replace`",
            Exit.NO_LAB,
        )


def _refuse_no_fault(cluster: Kube, lab: Lab, scenario: Exercise, run: Run, moving: str) -> None:
    """Raises: LabError if what should be broken serves: then nothing that is done here counts."""
    found = serving(snapshot(cluster, lab, run.namespace), run.namespace, scenario.addresses)
    if not found.pods or scenario.expected != "server-ready":
        if moving:
            ui.say(f"{moving}: the fault may take a while to show")
        return
    nodes = ", ".join(sorted({p["spec"]["nodeName"] for p in found.pods}))
    exercise.remove(cluster, lab, run.namespace)
    (run.folder / "run.json").unlink(missing_ok=True)
    raise LabError(
        f"this cluster does not show the fault of {scenario.id}: the server runs, on {nodes}",
        "take another cluster, such as one of vlab's own: `vlab up`",
        Exit.MACHINE,
    )
