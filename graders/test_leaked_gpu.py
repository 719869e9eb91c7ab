"""leaked-gpu: what is the learner's is released, and what is a neighbour's is as it was."""

from vlab.essence import essences
from vlab.grading import CannotTell, check, expect
from vlab.grading.views import holds_gpu, kind, labels, namespace, selected
from vlab.serving import is_ready, top_of
from vlab.settings import EXERCISE


@check(
    "neighbour-untouched",
    help="The label `owner` says whose something is. Only what is yours is yours to stop.",
)
def test_neighbour_untouched(objects, start, nodes, evidence):
    """What belongs to others is as it was, and runs as it did"""
    theirs = _of_others(start, evidence)
    before = essences(o for o in start if _space(o) in theirs)
    after = essences(o for o in objects if _space(o) in theirs)
    for key in sorted(before.keys() | after.keys()):
        name = f"{key[0]} {key[2]} of a neighbour"
        expect(key in after, name, "it is gone")
        expect(key in before, f"no new {key[0]} at a neighbour's", f"{key[2]} was put there")
        expect(after[key] == before[key], f"{name} as it was", "it was changed")
    lost = {n["metadata"]["name"] for n in nodes if not is_ready(n)}
    running = {p["metadata"]["uid"] for p in kind(objects, "Pod") if is_ready(p)}
    for pod in (p for p in kind(start, "Pod") if namespace(p) in theirs and is_ready(p)):
        if pod["metadata"]["uid"] not in running and pod["spec"].get("nodeName") in lost:
            raise CannotTell(f"node {pod['spec']['nodeName']} is not ready, and a neighbour's pod was on it")
        expect(
            pod["metadata"]["uid"] in running, f"a neighbour's pod {pod['metadata']['name']}, running", "it was stopped"
        )


@check(
    "leak-released",
    points=4,
    help="`kubectl get pods --all-namespaces` shows who has GPUs. A Deployment makes its pods again, wherever it is.",
)
def test_leak_released(objects, start, serving, evidence):
    """Nothing but the server and the neighbours holds or wants a GPU"""
    theirs, here = _of_others(start, evidence), evidence.header.namespace
    known = {p["metadata"]["uid"] for p in kind(start, "Pod") if EXERCISE not in _space_labels(start, p)}
    strangers = evidence.header.cluster.get("provider") == "context"
    mine = {o["metadata"]["name"] for o in kind(objects, "Namespace")} | {
        o["metadata"]["name"] for o in kind(start, "Namespace")
    }
    holding = [
        f"{namespace(pod)}/{pod['metadata']['name']}"
        for pod in kind(objects, "Pod")
        if holds_gpu(pod)
        and namespace(pod) not in theirs
        and pod["metadata"]["uid"] not in known
        and not (namespace(pod) == here and _serves(pod, serving, objects))
        and not (strangers and namespace(pod) not in mine)
    ]
    expect(not holding, "no pod of an older exercise", ", ".join(holding))


def _serves(pod, serving, objects):
    """Whether a pod is of what serves, or is meant to where nothing does yet."""
    if not serving.owners:
        return any(selected(door.service, pod) for door in serving.doors)
    by_uid = {o["metadata"]["uid"]: o for o in objects if "uid" in o["metadata"]}
    return top_of(pod, by_uid)["uid"] in {owner.uid for owner in serving.owners}


def _of_others(start, evidence):
    """The namespaces that belong to somebody else, by what was so at the start."""
    spaces = kind(start, "Namespace")
    return {s["metadata"]["name"] for s in spaces if labels(s).get("owner") not in (None, evidence.header.learner)}


def _space(found):
    """The namespace that an object is in, or is."""
    return found["metadata"]["name"] if found["kind"] == "Namespace" else namespace(found)


def _space_labels(start, pod):
    return next((labels(s) for s in kind(start, "Namespace") if s["metadata"]["name"] == namespace(pod)), {})
