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

from vlab import catalog, paths, proc, render
from vlab.catalog import Parameters, Scenario
from vlab.cluster.kube import Kube, Object, kubectl_path
from vlab.cluster.lab import INSTANCE, Lab, Profile
from vlab.cluster.up import NAMESPACE, kube
from vlab.errors import Exit, LabError
from vlab.pins import pins

SCENARIO = "vlab.dev/scenario"
LEARNER = "vlab.dev/learner"
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


def load(lab: Lab, scenario: Scenario, learner: str) -> Run:
    """The learner's run.

    Raises:
        LabError: it was not started.
    """
    file = paths.labs() / lab.name / "runs" / learner / scenario.id / "run.json"
    try:
        return Run.model_validate_json(file.read_text())
    except FileNotFoundError:
        raise LabError(
            f"{scenario.id} has not been started", f"run `vlab start {scenario.id}` first", Exit.NO_LAB
        ) from None


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


def objects(scenario: Scenario, lab: Lab, namespace: str, parameters: Parameters, *, faulty: bool) -> list[Object]:
    """The objects of the scenario's deployment, with its fault or healthy."""
    over = scenario.fault.values if faulty else {}
    given = values(lab.profile, namespace, over, parameters, built=has_built_image(lab))
    found = [o for part in BASE for o in render.manifest(part, **given)]
    for name in scenario.fault.manifests:
        found += render.objects(scenario.folder / name, given)
    return render.labelled(found, lab.labels)


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
        cluster.delete("namespace", namespace)
        holds = None
    if holds is not None:
        return load(lab, scenario, learner)
    run = Run(
        lab=lab.name,
        scenario=scenario.id,
        learner=learner,
        namespace=namespace,
        parameters=scenario.draw(learner),
        started=datetime.now(UTC).replace(microsecond=0),
    )
    reset(run, lab, scenario)
    run.save()
    run.baseline.write_text(json.dumps(snapshot(cluster, namespace)))
    (run.folder / "answers").mkdir(exist_ok=True)
    return run


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
    wanted = objects(scenario, lab, run.namespace, run.parameters, faulty=faulty)
    marks = {SCENARIO: run.scenario, LEARNER: run.learner}
    wanted = [render.labelled([o], marks)[0] if o["kind"] == "Namespace" else o for o in wanted]
    keep = {(o["kind"], o["metadata"]["name"]) for o in wanted} | _BY_KUBERNETES
    there = [] if not cluster.exists("namespace", run.namespace) else cluster.items(OWNED_KINDS, "-n", run.namespace)
    extra = [o for o in there if not _owned(o) and (o["kind"], o["metadata"]["name"]) not in keep]
    if extra:
        names = [f"{o['kind'].lower()}/{o['metadata']['name']}" for o in extra]
        cluster.kubectl("delete", "-n", run.namespace, *names, "--ignore-not-found", "--grace-period=1", timeout=120)
    present = {(o["kind"], o["metadata"]["name"]) for o in there}
    cluster.apply([o for o in wanted if (o["kind"], o["metadata"]["name"]) not in present])
    for changed in (o for o in wanted if (o["kind"], o["metadata"]["name"]) in present):
        _replace(cluster, changed)


def reset(run: Run, lab: Lab, scenario: Scenario) -> None:
    """Bring everything to the start of the run; on a cluster that vlab made, its nodes too."""
    if lab.nodes.exists():
        _restore_nodes(kube(lab), json.loads(lab.nodes.read_text()))
    deploy(run, lab, scenario, faulty=True)


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


def _owned(found: Object) -> bool:
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


def snapshot(cluster: Kube, namespace: str) -> list[Object]:
    """The namespace's objects and the nodes, as they are now."""
    return [
        *cluster.items(OWNED_KINDS, "-n", namespace),
        *cluster.items("nodes"),
    ]


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
