"""Brings an exercise's namespaces to what is wanted, whatever a learner made of them."""

import json
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from vlab import settle
from vlab.catalog import Exercise
from vlab.cluster.kube import Kube, Object
from vlab.cluster.lab import Lab
from vlab.cluster.objects import SHAPERS, WORKLOADS, decided, delete, namespaces, of_namespaces, with_tops
from vlab.cluster.refusals import ApiError
from vlab.deployment import Wanted
from vlab.errors import Exit, LabError
from vlab.essence import Identity, essence, follows, identity
from vlab.runs import Run

Note = Callable[[str], None]

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_MADE_BY_THEMSELVES = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}
"""In every namespace."""
_CONFIGURATION = ("ConfigMap", "Secret")
_SETTLE_S = 180.0
_TRIES = 5


def quiet(_: str) -> None:
    """Notes nothing."""
    return


def bring(cluster: Kube, lab: Lab, run: Run, wanted: Wanted, scenario: Exercise, note: Note = quiet) -> None:
    """Bring the exercise's namespaces to what is wanted: what is more goes, what differs is replaced.

    What is as it should be stays untouched, so that an engine restarts only if it must. A workload that differs is
    made anew: one that is replaced in the middle of a rollout may never move again (kubernetes#125568).
    """
    create_namespaces(cluster, wanted)
    spaces = [o["metadata"]["name"] for o in namespaces(cluster, lab, run.namespace)]
    there = of_namespaces(cluster, spaces)
    mine, target = decided(there), {identity(o): o for o in wanted.objects}
    extra = [o for k, o in mine.items() if k not in target and not _left_alone(o)]
    differing = [mine[k] for k, o in target.items() if k in mine and _differs(cluster, o, mine[k])]
    pods = with_tops(there)
    note("removing what is more")
    delete(cluster, [o for o in extra if o["kind"] in SHAPERS], ())
    anew = [o for o in [*extra, *differing] if o["kind"] in WORKLOADS]
    changed = {k for k in target if k[0] in _CONFIGURATION and (k not in mine or mine[k] in differing)}
    anew += [o for k, o in mine.items() if k in target and o not in anew and _reads(o) & changed]
    around = {identity(o) for o in wanted.surroundings}
    if scenario.fault.first and not _stand(around, mine, anew, pods):
        anew += [o for k, o in mine.items() if o["kind"] in WORKLOADS and k in target and o not in anew]
    delete(cluster, anew, pods)
    _put(cluster, [o for o in wanted.objects if o["kind"] not in WORKLOADS])
    delete(cluster, [o for o in extra if o["kind"] not in (*WORKLOADS, *SHAPERS)], ())
    for name in sorted(set(spaces) - {o["metadata"]["name"] for o in spaces_in(wanted.objects)}):
        cluster.delete("namespaces", name)
        cluster.gone("namespaces", name)
    _wait_for_quotas(cluster, [o for o in wanted.objects if o["kind"] == "ResourceQuota"])
    if scenario.fault.first:
        _put(cluster, [o for o in wanted.surroundings if o["kind"] in WORKLOADS])
        _wait_for(cluster, wanted.surroundings, note)
    _put(cluster, [o for o in wanted.objects if o["kind"] in WORKLOADS])
    _wait_for_own_pods(cluster, lab, run, note)


def _wait_for_quotas(cluster: Kube, wanted: Sequence[Object]) -> None:
    """Until a new quota is counted, each pod is refused, and that would be seen as part of the exercise."""
    for each in wanted:
        name, space = each["metadata"]["name"], each["metadata"]["namespace"]
        end = time.monotonic() + _SETTLE_S
        while not ((cluster.find("resourcequotas", name, space) or {}).get("status") or {}).get("hard"):
            if time.monotonic() > end:
                raise LabError(
                    f"the quota of namespace {space} is not counted",
                    "the cluster's controller manager may be down: `vlab status` says more",
                    Exit.NO_LAB,
                )
            time.sleep(0.1)


def _reads(found: Object) -> set[Identity]:
    """The configuration that a workload's pods read when they start: what runs may have read another one."""
    spec = found.get("spec", {}).get("template", {}).get("spec", {})
    space = found["metadata"].get("namespace", "")
    volumes = spec.get("volumes") or ()
    maps = {("ConfigMap", space, v["configMap"]["name"]) for v in volumes if "configMap" in v}
    return maps | {("Secret", space, v["secret"]["secretName"]) for v in volumes if "secret" in v}


def _left_alone(found: Object) -> bool:
    """What a cluster puts into each namespace by itself."""
    kind, _, name = identity(found)
    by_controller = kind == "EndpointSlice" and "endpointslice.kubernetes.io/managed-by" in found["metadata"].get(
        "labels", {}
    )
    return (kind, name) in _MADE_BY_THEMSELVES or (by_controller and follows(found))


def _differs(cluster: Kube, wanted: Object, there: Object) -> bool:
    """Whether the object would be another one if it were replaced, as the API itself says."""
    of, metadata = cluster.resource(wanted), there["metadata"]
    for left in reversed(range(_TRIES)):
        try:
            return essence(cluster.replace(applied(wanted), there, dry=True)) != essence(there)
        except ApiError as e:
            if e.status == HTTPStatus.UNPROCESSABLE_ENTITY:  # a field that cannot be changed
                return wanted["kind"] != "PersistentVolumeClaim" or not _claim_fits(wanted, there)
            if e.status != HTTPStatus.CONFLICT or not left:
                raise
        # A controller was quicker, as with a claim that is just being bound: what is there now is compared.
        there = cluster.find(of.plural, metadata["name"], metadata.get("namespace")) or there
    raise AssertionError("the last try returns or raises")


def _claim_fits(wanted: Object, there: Object) -> bool:
    """A claim that is bound has fields that nobody asked for; those that were must be as they were."""
    return (
        all(there["spec"].get(k) == v for k, v in wanted["spec"].items())
        and "deletionTimestamp" not in there["metadata"]
    )


def applied(new: Object) -> Object:
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
                cluster.replace(applied(each), there)
            except ApiError as e:
                if e.status != HTTPStatus.UNPROCESSABLE_ENTITY:
                    raise
                delete(cluster, [{"apiVersion": of.version, "kind": of.kind, **there}], ())
                there = None
        if there is None:
            cluster.create(applied(each))
    for each in (o for o in wanted if o["kind"] == "Namespace"):
        there = cluster.find("namespaces", each["metadata"]["name"])
        if there is not None and _differs(cluster, each, there):
            cluster.replace(applied(each), there)


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


def create_namespaces(cluster: Kube, wanted: Wanted) -> None:
    """Namespaces are created, never adopted: one that appears in between is somebody's."""
    for each in (o for o in wanted.objects if o["kind"] == "Namespace"):
        name = each["metadata"]["name"]
        there = cluster.find("namespaces", name)
        if there is not None and "deletionTimestamp" in there["metadata"]:
            cluster.gone("namespaces", name)
            there = None
        if there is None:
            try:
                cluster.create(applied(each))
            except ApiError as e:
                raise foreign(name) if e.status == HTTPStatus.CONFLICT else e from None


def foreign(namespace: str) -> LabError:
    """A namespace that was not made by this lab."""
    return LabError(
        f"namespace {namespace} exists and was not made by this lab",
        "choose another with --namespace, or delete it yourself if nothing in it is needed",
        Exit.NOT_OURS,
    )


def spaces_in(objects: Sequence[Object]) -> list[Object]:
    """The namespaces among objects."""
    return [o for o in objects if o["kind"] == "Namespace"]
