"""A learner's run of a scenario: started on a lab, worked on with kubectl, reset, solved."""

import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import pydantic
import yaml

from vlab import catalog, paths, proc, render, settle
from vlab.catalog import Parameters, Scenario
from vlab.cluster.kube import Kube, Object, kubectl_path
from vlab.cluster.lab import GPU, INSTANCE, Lab, Profile
from vlab.cluster.up import NAMESPACE, kube
from vlab.errors import Exit, LabError
from vlab.pins import pins

SCENARIO = "vlab.dev/scenario"
LEARNER = "vlab.dev/learner"
EXERCISE = "vlab.dev/exercise"
"""On a namespace: the exercise's own namespace, to which this one belongs."""

BASE = ("namespace", "cache", "server", "service")
"""The parts of every deployment, each a template in manifests/."""

OWNED_KINDS = ",".join(
    (
        *("deployments", "statefulsets", "daemonsets", "jobs", "replicasets", "pods"),
        *("services", "ingresses", "configmaps", "secrets", "persistentvolumeclaims"),
    )
)
"""What a learner may have made in the namespace, and reset removes if the scenario does not have it."""

_BY_KUBERNETES = {("ConfigMap", "kube-root-ca.crt")}


class Run(pydantic.BaseModel, frozen=True):
    """What is remembered about a started scenario."""

    lab: str
    scenario: str
    learner: str
    namespace: str
    parameters: Parameters
    started: datetime
    hints_seen: int = 0

    @property
    def folder(self) -> Path:
        """Its answers, evidence and reports."""
        return paths.labs() / self.lab / "runs" / self.learner / self.scenario

    @property
    def baseline(self) -> Path:
        """The objects as they were when the scenario had been started, nodes included."""
        return self.folder / "baseline.json"

    def save(self) -> None:
        """Write the record, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        new = self.folder / "run.json.new"
        new.write_text(self.model_dump_json(indent=2))
        new.rename(self.folder / "run.json")


def find(lab: Lab, scenario: Scenario, learner: str) -> Run | None:
    """The learner's run, if it was started."""
    file = paths.labs() / lab.name / "runs" / learner / scenario.id / "run.json"
    try:
        return Run.model_validate_json(file.read_text())
    except FileNotFoundError:
        return None


def load(lab: Lab, scenario: Scenario, learner: str) -> Run:
    """The learner's run.

    Raises:
        LabError: it was not started.
    """
    run = find(lab, scenario, learner)
    if run is None:
        raise LabError(f"{scenario.id} has not been started", f"run `vlab start {scenario.id}` first", Exit.NO_LAB)
    return run


def checked_learner(name: str) -> str:
    """Raises: LabError if `name` cannot be a folder's name and a label's value."""
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", name):
        raise LabError(
            f"{name!r} cannot be a learner's name",
            "use up to 63 letters, digits, dots, dashes and underscores",
        )
    return name


def values(
    profile: Profile, namespace: str, over: Mapping[str, Any], parameters: Parameters, *, built: bool = True
) -> dict[str, Any]:
    """What the templates are rendered with: the profile's values, the fault's laid over them.

    Args:
        built: the engine's image is the one that is built here; else it comes from a registry.
    """
    (base,) = render.manifest(f"profiles/{profile}", built=built, **pins().model_dump())
    filled = _filled(over, parameters)
    return {**catalog.merged(base, filled), "namespace": namespace, "parameters": parameters}


def _filled(value: Any, parameters: Parameters) -> Any:
    """`value` with the parameters in its strings; a string that is nothing but a parameter takes its type."""
    if isinstance(value, Mapping):
        return {k: _filled(v, parameters) for k, v in value.items()}
    if isinstance(value, list):
        return [_filled(v, parameters) for v in value]
    if isinstance(value, str) and "{{" in value:
        template = jinja2.Template(value, undefined=jinja2.StrictUndefined)
        return yaml.safe_load(template.render(parameters))
    return value


def objects(run: Run, lab: Lab, scenario: Scenario, *, faulty: bool) -> list[Object]:
    """The objects of the run's deployment, with its fault or healthy; namespaces say whose they are."""
    base, surroundings = _rendered(run, lab, scenario, faulty=faulty)
    return base + surroundings


def _rendered(run: Run, lab: Lab, scenario: Scenario, *, faulty: bool) -> tuple[list[Object], list[Object]]:
    """The server and what belongs to it; what the scenario's own manifests make."""
    given = _given(run, lab, scenario, faulty=faulty)
    marks = {SCENARIO: run.scenario, LEARNER: run.learner, EXERCISE: run.namespace}

    def marked(found: Object) -> Object:
        return render.labelled([found], lab.labels | (marks if found["kind"] == "Namespace" else {}))[0]

    base = [marked(o) for part in BASE for o in render.manifest(part, **given)]
    return base, [marked(o) for name in scenario.fault.manifests for o in render.objects(scenario.folder / name, given)]


def _given(run: Run, lab: Lab, scenario: Scenario, *, faulty: bool) -> dict[str, Any]:
    over = scenario.fault.values if faulty else {}
    given = values(lab.profile, run.namespace, over, run.parameters, built=has_built_image(lab))
    return given | {"faulty": faulty, "learner": run.learner, "workers": lab.workers or _gpus(kube(lab))}


def _gpus(cluster: Kube) -> int:
    """The GPUs of a cluster that vlab was given."""
    return sum(int(node["status"]["allocatable"].get(GPU, 0)) for node in cluster.items("nodes"))


def has_built_image(lab: Lab) -> bool:
    """Whether the lab's nodes have the engine's image that is built here."""
    return lab.provider == "kind-built" or _nodes_have(kube(lab), pins().engine.image)


def _nodes_have(cluster: Kube, image: str) -> bool:
    names = [n for node in cluster.items("nodes") for i in node["status"].get("images", ()) for n in i["names"]]
    return image in names


def start(lab: Lab, scenario: Scenario, learner: str, namespace: str = NAMESPACE, *, replace: bool = False) -> Run:
    """Deploy the scenario with its fault; starting it again changes nothing.

    Raises:
        LabError: the namespace is not ours, or another exercise is in it.
    """
    cluster = kube(lab)
    checked_learner(learner)
    holds = _holder(cluster, lab, namespace)
    if holds not in (None, (scenario.id, learner)):
        if not replace:
            raise LabError(
                f"namespace {namespace} holds {holds[0]} of {holds[1]}",
                f"finish it, or give it up with `vlab start {scenario.id} --replace`",
            )
        remove(cluster, lab, namespace)
        holds = None
    if holds is not None and (known := find(lab, scenario, learner)) is not None and known.baseline.exists():
        return known
    run = Run(
        lab=lab.name,
        scenario=scenario.id,
        learner=learner,
        namespace=namespace,
        parameters=scenario.draw(learner),
        started=datetime.now(UTC).replace(microsecond=0),
    )
    run.save()
    run.baseline.unlink(missing_ok=True)
    (run.folder / "answers").mkdir(exist_ok=True)
    reset(run, lab, scenario)
    return run


def remove(cluster: Kube, lab: Lab, namespace: str) -> None:
    """Delete an exercise: its namespace, and those that belong to it."""
    ours = ",".join(f"{label}={value}" for label, value in {**lab.labels, EXERCISE: namespace}.items())
    cluster.kubectl("delete", "namespaces", "-l", ours, "--wait=true", timeout=300)


def _holder(cluster: Kube, lab: Lab, namespace: str) -> tuple[str, str] | None:
    """Whose exercise the namespace holds; None if there is no such namespace.

    Raises:
        LabError: the namespace was not made by this lab.
    """
    if not cluster.exists("namespace", namespace):
        return None
    labels = cluster.get("namespace", namespace)["metadata"].get("labels", {})
    if labels.get(INSTANCE) != lab.instance:
        raise LabError(
            f"namespace {namespace} exists and was not made by this lab",
            "choose another with --namespace, or delete it yourself if nothing in it is needed",
            Exit.NOT_OURS,
        )
    return labels.get(SCENARIO, ""), labels.get(LEARNER, "")


def deploy(run: Run, lab: Lab, scenario: Scenario, *, faulty: bool) -> None:
    """Bring the namespace to what the scenario has, faulty or healthy: what is more goes, what differs is replaced.

    What is as it should be stays untouched, so that an engine restarts only if it must.
    """
    cluster = kube(lab)
    base, surroundings = ({_identity(o): o for o in part} for part in _rendered(run, lab, scenario, faulty=faulty))
    wanted = base | surroundings
    there = {_identity(o): o for namespace in namespaces(cluster, run) for o in owned(cluster, namespace)}
    for kind, namespace, name in there.keys() - wanted.keys():
        if (kind, name) not in _BY_KUBERNETES and not _follows(there[kind, namespace, name]):
            _delete(cluster, kind, namespace, name)
    if faulty and scenario.fault.first:
        for kind, namespace, name in [k for k in there if k in base and k[0] == "Deployment"]:
            _delete(cluster, kind, namespace, name)
        first = {k: o for k, o in wanted.items() if k in surroundings or k[0] == "Namespace"}
        _put(cluster, first, there)
        for namespace in {o["metadata"]["namespace"] for k, o in first.items() if k[0] == "Deployment"}:
            settle.settle(cluster, namespace, lambda _: None)
        there = {_identity(o): o for namespace in namespaces(cluster, run) for o in owned(cluster, namespace)}
    _put(cluster, wanted, there)


def _delete(cluster: Kube, kind: str, namespace: str, name: str) -> None:
    """Delete an object and wait until what it made has given back what it holds."""
    how = ["--ignore-not-found", "--grace-period=1", "--cascade=foreground", "--wait=true"]
    cluster.kubectl("delete", f"{kind.lower()}/{name}", "-n", namespace, *how, timeout=120)


def _put(cluster: Kube, wanted: Mapping[tuple[str, str, str], Object], there: Mapping[Any, Object]) -> None:
    """Create what is not there and replace what is."""
    if missing := [o for identity, o in wanted.items() if identity not in there]:
        cluster.apply(missing)
    for identity in wanted.keys() & there.keys():
        _replace(cluster, wanted[identity])


def namespaces(cluster: Kube, run: Run) -> list[str]:
    """The run's own namespace and those that belong to it, as far as they are there."""
    found = cluster.items("namespaces", "-l", f"{EXERCISE}={run.namespace}")
    return [o["metadata"]["name"] for o in found]


def owned(cluster: Kube, namespace: str) -> list[Object]:
    """The objects in a namespace that a learner may have made or changed."""
    return cluster.items(OWNED_KINDS, "-n", namespace)


def _identity(found: Object) -> tuple[str, str, str]:
    return found["kind"], found["metadata"].get("namespace", ""), found["metadata"]["name"]


def reset(run: Run, lab: Lab, scenario: Scenario) -> None:
    """Bring everything to the start of the run; on a cluster that vlab made, its nodes too."""
    cluster = kube(lab)
    if lab.nodes.exists():
        _restore_nodes(cluster, json.loads(lab.nodes.read_text()))
    deploy(run, lab, scenario, faulty=True)
    run.baseline.write_text(json.dumps(snapshot(cluster, run)))


def _restore_nodes(cluster: Kube, baseline: list[Object]) -> None:
    before = {node["metadata"]["name"]: node for node in baseline}
    for node in cluster.items("nodes"):
        name = node["metadata"]["name"]
        if name in before and (patch := node_patch(node, before[name])):
            cluster.kubectl("patch", "node", name, "--type=merge", "-p", json.dumps(patch))
        made_up = node["status"]["capacity"].keys() - before.get(name, node)["status"]["capacity"].keys()
        if made_up:
            gone = {"status": {part: dict.fromkeys(made_up) for part in ("capacity", "allocatable")}}
            cluster.kubectl("patch", "node", name, "--subresource=status", "--type=merge", "-p", json.dumps(gone))


def node_patch(now: Object, before: Object) -> Object:
    """The merge patch that gives a node its former labels, taints and readiness for pods; empty if it has them."""
    labels, had = now["metadata"].get("labels", {}), before["metadata"].get("labels", {})
    patch: Object = {}
    if labels != had:
        patch["metadata"] = {"labels": {**dict.fromkeys(labels.keys() - had.keys()), **had}}
    spec = {key: before["spec"].get(key) for key in ("taints", "unschedulable")}
    if spec != {key: now["spec"].get(key) for key in spec}:
        patch["spec"] = spec
    return patch


def _follows(found: Object) -> bool:
    """Whether something else made it, which will see to it: a ReplicaSet's pod, a Deployment's ReplicaSet."""
    return bool(found["metadata"].get("ownerReferences"))


def _replace(cluster: Kube, wanted: Object) -> None:
    """Put the whole object in place of what is there, so that fields a learner added are gone as well."""
    try:
        if wanted["kind"] == "PersistentVolumeClaim":
            cluster.apply([wanted])  # its volume is bound: nearly everything in it can only stay
        else:
            cluster.kubectl("replace", "-f", "-", "--save-config", stdin=yaml.safe_dump(wanted))
    except LabError:  # a field that cannot be changed
        cluster.kubectl("replace", "--force", "--grace-period=1", "-f", "-", stdin=yaml.safe_dump(wanted), timeout=120)


def snapshot(cluster: Kube, run: Run) -> list[Object]:
    """The objects of the run's namespaces, and the nodes, as they are now."""
    found = [o for namespace in namespaces(cluster, run) for o in owned(cluster, namespace)]
    nodes = cluster.items("nodes")
    for node in nodes:
        node["status"].pop("images", None)  # long, and nobody reads it
    return [*found, *nodes]


def run_script(run: Run, lab: Lab, script: Path) -> None:
    """Run one of a scenario's apply.sh as a learner would type it: kubectl is the lab's, in the namespace.

    Raises:
        LabError: a command in it failed.
    """
    folder = run.folder / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "kubectl"
    cluster = kube(lab)
    context = f" --context={cluster.context}" if cluster.context else ""
    link.write_text(f'#!/bin/sh\nexec "{kubectl_path()}"{context} --namespace={run.namespace} "$@"\n')
    link.chmod(0o755)
    env = {"PATH": f"{folder}:{os.environ['PATH']}", "NAMESPACE": run.namespace}
    env |= {} if cluster.kubeconfig is None else {"KUBECONFIG": str(cluster.kubeconfig)}
    env |= {name.upper(): str(value) for name, value in run.parameters.items()}
    proc.output(["bash", "-euo", "pipefail", script], env=env, cwd=script.parent, timeout=300)
