"""Starts an exercise, brings it back to its start, and takes it away again."""

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from vlab import runs, settle
from vlab.catalog import Parameters, Scenario
from vlab.cluster import nodes
from vlab.cluster.kube import ApiError, Kube, Object, kube
from vlab.cluster.lab import Lab
from vlab.cluster.objects import (
    CLUSTER_WIDE,
    SHAPERS,
    WORKLOADS,
    decided,
    delete,
    namespaces,
    of_namespaces,
    snapshot,
    with_tops,
)
from vlab.deployment import Rendered, Wanted, rendered
from vlab.errors import Exit, LabError
from vlab.essence import essence, essences, follows, identity
from vlab.runs import Run
from vlab.settings import INSTANCE, LEARNER, NAMESPACE, SCENARIO

Note = Callable[[str], None]

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_MADE_BY_THEMSELVES = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}
"""In every namespace."""
_SETTLE_S = 180.0


def _quiet(_: str) -> None:
    return None


def cluster_uid(cluster: Kube) -> str:
    """What tells one cluster from another: the uid of a namespace that each has and nobody can make anew."""
    found = cluster.find("namespaces", "kube-system")
    return "" if found is None else str(found["metadata"]["uid"])


def start(
    lab: Lab,
    scenario: Scenario,
    learner: str,
    namespace: str = NAMESPACE,
    *,
    replace: bool = False,
    parameters: Parameters | None = None,
    note: Note = _quiet,
) -> Run:
    """Deploy the scenario with its fault; starting it again changes nothing.

    Raises:
        LabError: a namespace is not ours, another exercise is in it, or the fault did not come about.
    """
    cluster = kube(lab)
    known = _going_on(cluster, lab, scenario, learner, namespace, replace)
    if known is not None:
        return known
    drawn = scenario.draw(learner) if parameters is None else parameters
    made = rendered(lab, scenario, learner, namespace, drawn, cluster)
    _refuse_foreign(cluster, lab, made)
    _create_namespaces(cluster, made.faulty)
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
    )
    (run.folder / "answers").mkdir(parents=True, exist_ok=True)
    with runs.at_work(run, "starting"):
        run.start.unlink(missing_ok=True)
        runs.write_whole(run.wanted, made.model_dump_json())
        run.save()
        nodes.restore(cluster, lab)
        bring(cluster, lab, run, made.faulty, scenario, note)
        runs.write_whole(run.start, json.dumps(snapshot(cluster, lab, namespace)))
    return run


def _going_on(cluster: Kube, lab: Lab, scenario: Scenario, learner: str, namespace: str, replace: bool) -> Run | None:
    """The run that is there already and whole. What stands in the way is removed where that is wished."""
    known = None if replace else runs.find(lab, scenario, learner)
    holds = _holder(cluster, lab, namespace)
    if known is not None and known.namespace != namespace and _holder(cluster, lab, known.namespace) is not None:
        raise LabError(
            f"{scenario.id} of {learner} is at work in namespace {known.namespace}",
            f"go on there, or give it up with `vlab start {scenario.id} --namespace {namespace} --replace`",
        )
    if holds is not None and holds != (scenario.id, learner) and not replace:
        raise LabError(
            f"namespace {namespace} holds {holds[0]} of {holds[1]}",
            f"finish it, or give it up with `vlab start {scenario.id} --replace`",
        )
    if known is not None and known.start.exists() and _is_there(cluster, known):
        return known
    before = runs.find(lab, scenario, learner) if replace else known
    for space in {namespace, *([before.namespace] if before is not None else [])}:
        if _holder(cluster, lab, space) is not None:
            remove(cluster, lab, space)
    return None


def _is_there(cluster: Kube, run: Run) -> bool:
    found = cluster.find("namespaces", run.namespace)
    return found is not None and found["metadata"]["uid"] == run.namespace_uid


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
        raise _foreign(namespace)
    return labels.get(SCENARIO, ""), labels.get(LEARNER, "")


def _foreign(namespace: str) -> LabError:
    return LabError(
        f"namespace {namespace} exists and was not made by this lab",
        "choose another with --namespace, or delete it yourself if nothing in it is needed",
        Exit.NOT_OURS,
    )


def _refuse_foreign(cluster: Kube, lab: Lab, made: Rendered) -> None:
    """Before anything is made: every namespace that is needed is free or this lab's."""
    for each in [*made.faulty.objects, *made.healthy.objects]:
        if each["kind"] == "Namespace":
            _holder(cluster, lab, each["metadata"]["name"])


def _create_namespaces(cluster: Kube, wanted: Wanted) -> None:
    """Namespaces are created, never adopted: one that appears in between is somebody's."""
    for each in (o for o in wanted.objects if o["kind"] == "Namespace"):
        name = each["metadata"]["name"]
        there = cluster.find("namespaces", name)
        if there is not None and "deletionTimestamp" in there["metadata"]:
            cluster.gone("namespaces", name)
            there = None
        if there is None:
            try:
                cluster.create(_applied(each))
            except ApiError as e:
                raise _foreign(name) if e.status == HTTPStatus.CONFLICT else e from None


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
    if found is not None and found["metadata"]["uid"] != run.namespace_uid:
        raise LabError(
            f"namespace {run.namespace} is not the one in which {run.scenario} was started",
            f"begin anew: `vlab start {run.scenario} --replace`, with another --namespace if this one is needed",
            Exit.NO_LAB,
        )


def reset(run: Run, lab: Lab, scenario: Scenario, note: Note = _quiet) -> Run:
    """Bring everything to the start of the run, and look that it is.

    Returns:
        The run: its namespace is another one if the learner had deleted it.

    Raises:
        LabError: something could not be brought back; the message names it.
    """
    cluster = kube(lab)
    same_cluster(cluster, run)
    with runs.at_work(run, "resetting"):
        made = Rendered.model_validate(runs.read_objects(run.wanted))
        began = runs.read_objects(run.start)
        _holder(cluster, lab, run.namespace)
        nodes.restore(cluster, lab)
        _remove_cluster_wide(cluster, lab, began)
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
    differing = {k for k in differing if k[0] != "Pod" or k[1] in {n["metadata"]["name"] for n in _spaces(began)}}
    if differing:
        names = ", ".join(f"{kind} {'/'.join(filter(None, (space, name)))}" for kind, space, name in sorted(differing))
        raise LabError(
            f"not as at the start: {names}",
            "put these back or delete them yourself, then reset again; or begin anew with `vlab start ... --replace`",
            Exit.NO_LAB,
        )


def _spaces(objects: Sequence[Object]) -> list[Object]:
    return [o for o in objects if o["kind"] == "Namespace"]


def bring(cluster: Kube, lab: Lab, run: Run, wanted: Wanted, scenario: Scenario, note: Note = _quiet) -> None:
    """Bring the exercise's namespaces to what is wanted: what is more goes, what differs is replaced.

    What is as it should be stays untouched, so that an engine restarts only if it must. A workload that differs is
    made anew: one that is replaced in the middle of a rollout may never move again (kubernetes#125568).
    """
    _create_namespaces(cluster, wanted)
    spaces = [o["metadata"]["name"] for o in namespaces(cluster, lab, run.namespace)]
    there = of_namespaces(cluster, spaces)
    mine, target = decided(there), {identity(o): o for o in wanted.objects}
    extra = [o for k, o in mine.items() if k not in target and not _left_alone(o)]
    differing = [mine[k] for k, o in target.items() if k in mine and _differs(cluster, o, mine[k])]
    pods = with_tops(there)
    note("removing what is more")
    delete(cluster, [o for o in extra if o["kind"] in SHAPERS], ())
    anew = [o for o in [*extra, *differing] if o["kind"] in WORKLOADS]
    around = {identity(o) for o in wanted.surroundings}
    if scenario.fault.first and not _stand(around, mine, anew, pods):
        anew += [o for k, o in mine.items() if o["kind"] in WORKLOADS and k in target and o not in anew]
    delete(cluster, anew, pods)
    _put(cluster, [o for o in wanted.objects if o["kind"] not in WORKLOADS])
    delete(cluster, [o for o in extra if o["kind"] not in (*WORKLOADS, *SHAPERS)], ())
    for name in sorted(set(spaces) - {o["metadata"]["name"] for o in _spaces(wanted.objects)}):
        cluster.delete("namespaces", name)
        cluster.gone("namespaces", name)
    if scenario.fault.first:
        _put(cluster, [o for o in wanted.surroundings if o["kind"] in WORKLOADS])
        _wait_for(cluster, wanted.surroundings, note)
    _put(cluster, [o for o in wanted.objects if o["kind"] in WORKLOADS])
    _wait_for_own_pods(cluster, lab, run, note)


def _left_alone(found: Object) -> bool:
    """What a cluster puts into each namespace by itself."""
    kind, _, name = identity(found)
    by_controller = kind == "EndpointSlice" and "endpointslice.kubernetes.io/managed-by" in found["metadata"].get(
        "labels", {}
    )
    return (kind, name) in _MADE_BY_THEMSELVES or (by_controller and follows(found))


def _differs(cluster: Kube, wanted: Object, there: Object) -> bool:
    """Whether the object would be another one if it were replaced, as the API itself says."""
    try:
        return essence(cluster.replace(_applied(wanted), there, dry=True)) != essence(there)
    except ApiError as e:
        if e.status == HTTPStatus.UNPROCESSABLE_ENTITY:  # a field that cannot be changed
            return wanted["kind"] != "PersistentVolumeClaim" or not _claim_fits(wanted, there)
        raise


def _claim_fits(wanted: Object, there: Object) -> bool:
    """A claim that is bound has fields that nobody asked for; those that were must be as they were."""
    return (
        all(there["spec"].get(k) == v for k, v in wanted["spec"].items())
        and "deletionTimestamp" not in there["metadata"]
    )


def _applied(new: Object) -> Object:
    """An object as `kubectl apply` leaves it, with its own text beside it: a learner may go on with apply."""
    metadata = new["metadata"]
    text = json.dumps(new)
    return {**new, "metadata": {**metadata, "annotations": {**metadata.get("annotations", {}), _LAST_APPLIED: text}}}


def _put(cluster: Kube, wanted: Sequence[Object]) -> None:
    """Create what is not there and replace what differs."""
    for each in (o for o in wanted if o["kind"] != "Namespace"):
        of = cluster.resource(each)
        name, space = each["metadata"]["name"], each["metadata"].get("namespace")
        there = cluster.find(of.plural, name, space)
        if there is not None and not _differs(cluster, each, there):
            continue
        if there is not None:
            try:
                cluster.replace(_applied(each), there)
            except ApiError as e:
                if e.status != HTTPStatus.UNPROCESSABLE_ENTITY:
                    raise
                delete(cluster, [{"apiVersion": of.version, "kind": of.kind, **there}], ())
                there = None
        if there is None:
            cluster.create(_applied(each))
    for each in (o for o in wanted if o["kind"] == "Namespace"):
        there = cluster.find("namespaces", each["metadata"]["name"])
        if there is not None and _differs(cluster, each, there):
            cluster.replace(_applied(each), there)


def _stand(around: set[Any], mine: dict[Any, Object], anew: Sequence[Object], pods: Sequence[Object]) -> bool:
    """Whether what takes its share before the server is there and runs, none of it to be made anew."""
    workloads = {k for k in around if k[0] in WORKLOADS}
    if not workloads <= mine.keys() or any(identity(o) in workloads for o in anew):
        return False
    for key in workloads:
        own = [p for p in pods if mine[key]["metadata"]["uid"] in p["tops"] and p["status"].get("phase") == "Running"]
        if len(own) < mine[key]["spec"].get("replicas", 1):
            return False
    return True


def _wait_for(cluster: Kube, wanted: Sequence[Object], note: Note) -> None:
    """Wait until what takes its share before the server runs.

    Raises:
        LabError: it does not: then the fault is not there.
    """
    spaces = sorted({o["metadata"]["namespace"] for o in wanted if o["kind"] in WORKLOADS})
    end = time.monotonic() + _SETTLE_S
    while True:
        lacking = [
            f"{d['metadata']['namespace']}/{d['metadata']['name']}"
            for space in spaces
            for d in cluster.items("deployments", space)
            if d.get("status", {}).get("readyReplicas", 0) < d["spec"].get("replicas", 1)
        ]
        if not lacking:
            return
        note(f"waiting for {lacking[0]}")
        if time.monotonic() > end:
            raise LabError(
                f"the fault did not come about: {lacking[0]} does not run",
                "`vlab kubectl get pods -A` shows what holds the GPUs; free them, then start or reset again",
                Exit.NO_LAB,
            )
        time.sleep(0.2)


def _wait_for_own_pods(cluster: Kube, lab: Lab, run: Run, note: Note) -> None:
    """Wait until the pods that are there are those that the deployment made.

    Raises:
        LabError: others do not go away.
    """
    end = time.monotonic() + _SETTLE_S
    spaces = [o["metadata"]["name"] for o in namespaces(cluster, lab, run.namespace)]
    while True:
        found = [o for space in spaces for o in cluster.items("deployments,replicasets,pods", space)]
        strange = settle.ending(found) or settle.unseen(found)
        if strange is None:
            return
        note(strange)
        if time.monotonic() > end:
            raise LabError(
                f"reset does not end: {strange}", "`vlab kubectl get pods` shows it; then reset again", Exit.NO_LAB
            )
        time.sleep(0.2)
