"""Starts an exercise, brings it back to its start, and takes it away again."""

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from vlab import machine, runs
from vlab.bring import Note, bring, create_namespaces, foreign, quiet, spaces_in
from vlab.catalog import Exercise, Parameters
from vlab.cluster import nodes
from vlab.cluster.kube import Kube, Object, kube
from vlab.cluster.lab import Lab
from vlab.cluster.objects import CLUSTER_WIDE, namespaces, snapshot, volumes_of
from vlab.cluster.refusals import ApiError
from vlab.deployment import Rendered, Room, kept, rendered
from vlab.errors import Exit, LabError
from vlab.essence import essences, identity
from vlab.pins import pins
from vlab.runs import Run
from vlab.settings import INSTANCE, LEARNER, NAMESPACE, SCENARIO

_DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"


def cluster_uid(cluster: Kube) -> str:
    """What tells one cluster from another: the uid of a namespace that each has and nobody can make anew."""
    found = cluster.find("namespaces", "kube-system")
    return "" if found is None else str(found["metadata"]["uid"])


def start(
    lab: Lab,
    scenario: Exercise,
    learner: str,
    namespace: str = NAMESPACE,
    *,
    replace: bool = False,
    parameters: Parameters | None = None,
    gpus: int | None = None,
    tried: Mapping[str, Any] | None = None,
    room: Room | None = None,
    note: Note = quiet,
) -> Run:
    """Deploy what the exercise begins with; starting it again changes nothing.

    Args:
        replace: give up what is in the namespace.
        parameters: others than the learner would draw.
        gpus: how many the fault may take of a cluster that others use too.
        tried: a proposed change, laid over the values of the faulty deployment.
        room: what the namespace has besides.

    Raises:
        LabError: a namespace is not ours, another exercise is in it, or the fault did not come about.
    """
    cluster = kube(lab)
    known = _going_on(cluster, lab, scenario, learner, namespace, replace)
    if known is not None:
        return known
    drawn = scenario.draw(learner, lab.profile) if parameters is None else parameters
    built = lab.provider == "kind-built" or _nodes_have(cluster, pins().engine.image)
    ingress = _ingress_class(cluster) if lab.provider == "context" and scenario.edge else ""
    made = rendered(
        lab, scenario, learner, namespace, drawn,
        built=built, gpus=gpus, ingress_class=ingress, tried=tried, room=room, dtype=_dtype(lab),
    )  # fmt: skip
    _refuse_foreign(cluster, lab, made)
    create_namespaces(cluster, made.faulty)
    given_up = runs.find(lab, scenario, learner)
    there = cluster.find("namespaces", namespace) or {"metadata": {"uid": ""}}
    run = Run(
        lab=lab.name,
        instance=lab.instance,
        cluster_uid=cluster_uid(cluster),
        namespace_uid=there["metadata"]["uid"],
        scenario=scenario.id,
        learner=learner,
        namespace=namespace,
        parameters=drawn,
        started=datetime.now(UTC).replace(microsecond=0),
        challenge=secrets.token_hex(16),
        earlier=() if given_up is None else given_up.begun,
    )
    run.offer(scenario.templates)
    with runs.at_work(run, "starting"):
        run.start.unlink(missing_ok=True)
        runs.write_whole(run.wanted, made.model_dump_json())
        run.save()
        nodes.restore(cluster, lab)
        bring(cluster, lab, run, made.faulty, scenario, note)
        runs.write_whole(run.start, json.dumps(snapshot(cluster, lab, namespace)))
    return run


def _dtype(lab: Lab) -> str:
    """In what the engine computes: its own choice, unless this machine's processor has no instructions for that."""
    here = lab.provider != "context" and lab.profile == "cpu"
    return "float32" if here and not machine.multiplies_bfloat16() else ""


def _ingress_class(cluster: Kube) -> str:
    """The class that an Ingress is given here; empty where there is none, or one may not look."""
    try:
        found = cluster.items("ingressclasses")
    except ApiError:
        return ""
    marked = [c for c in found if c["metadata"].get("annotations", {}).get(_DEFAULT_CLASS) == "true"]
    return next((str(c["metadata"]["name"]) for c in [*marked, *found]), "")


def _nodes_have(cluster: Kube, image: str) -> bool:
    return any(image in (i.get("names") or ()) for n in cluster.items("nodes") for i in n["status"].get("images") or ())


def _going_on(cluster: Kube, lab: Lab, scenario: Exercise, learner: str, namespace: str, replace: bool) -> Run | None:
    """The run that is there already and whole. What stands in the way is removed where that is wished."""
    known = None if replace else runs.find(lab, scenario, learner)
    holds = _holder(cluster, lab, namespace)
    if known is not None and known.namespace != namespace and _holder(cluster, lab, known.namespace) is not None:
        raise LabError(
            f"{scenario.id} of {learner} is at work in namespace {known.namespace}",
            f"go on there, or give it up with `vlab start {scenario.id} --namespace {namespace} --replace`",
        )
    free = holds in (None, ("", learner))  # a learner's room in a class is there before an exercise is in it
    if not free and holds != (scenario.id, learner) and not replace:
        raise LabError(
            f"namespace {namespace} holds {' of '.join(holds or ())}",
            f"finish it, or give it up with `vlab start {scenario.id} --replace`",
        )
    if known is not None and known.start.exists() and _is_there(cluster, known):
        known.offer(scenario.templates)
        return known
    before = runs.find(lab, scenario, learner) if replace else known
    for space in {namespace, *([before.namespace] if before is not None else [])}:
        if _holder(cluster, lab, space) is not None:
            remove(cluster, lab, space)
    return None


def _is_there(cluster: Kube, run: Run) -> bool:
    """Whether the run's namespace is; it may be missing where making it is the learner's work."""
    found = cluster.find("namespaces", run.namespace)
    return not run.namespace_uid if found is None else run.namespace_uid in ("", found["metadata"]["uid"])


def _holder(cluster: Kube, lab: Lab, namespace: str) -> tuple[str, str] | None:
    """Whose exercise the namespace holds; None if there is no such namespace.

    Raises:
        LabError: the namespace was not made by this lab.
    """
    found = cluster.find("namespaces", namespace)
    if found is None:
        return None
    labels = found["metadata"].get("labels", {})
    if labels.get(INSTANCE) != lab.instance:
        raise foreign(namespace)
    return labels.get(SCENARIO, ""), labels.get(LEARNER, "")


def _refuse_foreign(cluster: Kube, lab: Lab, made: Rendered) -> None:
    """Before anything is made: every namespace that is needed is free or this lab's."""
    for each in [*made.faulty.objects, *made.healthy.objects]:
        if each["kind"] == "Namespace":
            _holder(cluster, lab, each["metadata"]["name"])


def remove(cluster: Kube, lab: Lab, namespace: str) -> None:
    """Delete an exercise: its namespace, and those that belong to it."""
    ours = [o["metadata"]["name"] for o in namespaces(cluster, lab, namespace)]
    pods = [p for name in ours for p in cluster.items("pods", name)]
    for name in ours:
        cluster.delete("namespaces", name)
    for pod in pods:
        cluster.delete("pods", pod["metadata"]["name"], pod["metadata"]["namespace"], grace=1)
    for name in ours:
        cluster.gone("namespaces", name, timeout=300)
    _remove_released(cluster, lab, namespace)


def same_cluster(cluster: Kube, run: Run) -> None:
    """Raises: LabError if the cluster is another than the one that the run was started on."""
    if cluster_uid(cluster) != run.cluster_uid:
        raise LabError(
            f"{run.scenario} was started on another cluster than the one that answers now",
            f"begin anew here: `vlab start {run.scenario} --replace`",
            Exit.NO_LAB,
        )


def same_namespace(cluster: Kube, run: Run) -> None:
    """Raises: LabError if the namespace is another than the one that was made for the run; it may be gone."""
    found = cluster.find("namespaces", run.namespace)
    if found is not None and run.namespace_uid not in ("", found["metadata"]["uid"]):
        raise LabError(
            f"namespace {run.namespace} is not the one in which {run.scenario} was started",
            f"begin anew: `vlab start {run.scenario} --replace`, with another --namespace if this one is needed",
            Exit.NO_LAB,
        )


def reset(run: Run, lab: Lab, scenario: Exercise, note: Note = quiet) -> Run:
    """Bring everything to the start of the run, and look that it is.

    Returns:
        The run: its namespace is another one if the learner had deleted it.

    Raises:
        LabError: something could not be brought back; the message names it.
    """
    cluster = kube(lab)
    same_cluster(cluster, run)
    with runs.at_work(run, "resetting"):
        made = kept(run)
        began = runs.read_objects(run.start)
        _holder(cluster, lab, run.namespace)
        nodes.restore(cluster, lab)
        _remove_cluster_wide(cluster, lab, began)
        _remove_released(cluster, lab, run.namespace)
        bring(cluster, lab, run, made.faulty, scenario, note)
        now = snapshot(cluster, lab, run.namespace)
        _refuse_difference(began, now, lab)
        if lab.provider == "context":  # what was done to its nodes cannot be undone from here: it stays seen
            now = [o for o in now if o["kind"] != "Node"] + [o for o in began if o["kind"] == "Node"]
        runs.write_whole(run.start, json.dumps(now))
        there = cluster.find("namespaces", run.namespace) or {"metadata": {"uid": ""}}
        run = run.model_copy(update={"namespace_uid": there["metadata"]["uid"]})
        run.save()
    return run


def _remove_released(cluster: Kube, lab: Lab, namespace: str) -> None:
    """Volumes that were told to outlive the exercise's claims go; on a cluster that vlab made."""
    if lab.provider == "context":
        return
    for volume in volumes_of(cluster, namespace):
        if volume.get("status", {}).get("phase") == "Released":
            cluster.delete("persistentvolumes", volume["metadata"]["name"])


def _remove_cluster_wide(cluster: Kube, lab: Lab, began: Sequence[Object]) -> None:
    """What a learner made without a namespace, such as a PriorityClass, goes; on a cluster that vlab made."""
    if lab.provider == "context":
        return
    known = {identity(o) for o in began}
    for plural in CLUSTER_WIDE:
        for each in cluster.items(plural):
            if identity(each) not in known:
                cluster.delete(plural, each["metadata"]["name"])


def _refuse_difference(began: Sequence[Object], now: Sequence[Object], lab: Lab) -> None:
    before, after = essences(began), essences(now)
    differing = {k for k in before.keys() | after.keys() if before.get(k) != after.get(k)}
    if lab.provider == "context":
        differing = {k for k in differing if k[1] or k[0] == "Namespace"}
    differing = {k for k in differing if k[0] != "Pod" or k[1] in {n["metadata"]["name"] for n in spaces_in(began)}}
    if differing:
        names = ", ".join(f"{kind} {'/'.join(filter(None, (space, name)))}" for kind, space, name in sorted(differing))
        raise LabError(
            f"not as at the start: {names}",
            "put these back or delete them yourself, then reset again; or begin anew with `vlab start ... --replace`",
            Exit.NO_LAB,
        )
