"""clean-up: the namespace is gone with what it held, wherever that was, and three lessons are written down."""

import re

from vlab.evidence.metrics import PREFIX
from vlab.grading import check, expect
from vlab.grading.views import holds_gpu, kind, labels, namespace
from vlab.settings import EXERCISE

NOTE = "lessons.md"
WORDS = 8
"""Of a lesson, at least: fewer are a catchword."""
KINDS = {
    "Deployment": (
        r"deployment|statefulset|replica|\bpods?\b|service|claim|\bpvc\b|volume|emptydir|/dev/shm|probe|image|limit|request|"
        r"secret|namespace|node|nvidia\.com/gpu|\bgpus?\b|manifest|recreate|label|taint",
        "a field of the manifest, or a kind of object",
    ),
    "Metric": (
        rf"{PREFIX}\w+|waiting|running|cache[_ -]usage|cache usage|preempt|ttft|first[ _-]token|latency|throughput|"
        r"tokens[ _-]per|queue|prefix[_ -]cache|hit rate|goodput|\bp9[059]\b|usage_perc|per[_ -]second",
        "a metric",
    ),
    "Tuning": (
        r"--[a-z][a-z-]+|max[-_ ](num[-_ ]seqs|model[-_ ]len|tokens)|block|context|sequences|replica|batch|"
        r"prefix caching|utili[sz]ation|tensor[- ]parallel|output cap|quanti|kontext",
        "a flag or a setting",
    ),
}
"""By heading: what a lesson names, as a pattern and in words."""


@check(
    "namespace-gone",
    points=3,
    help="`kubectl get namespaces`: one that is Terminating waits for something in it, and its status says for what.",
)
def test_namespace_gone(objects, evidence):
    """The exercise's namespace is gone"""
    name = evidence.header.namespace
    found = [o for o in kind(objects, "Namespace") if o["metadata"]["name"] == name]
    expect(not found, f"no namespace {name}", "it is there")


@check(
    "nothing-held",
    points=3,
    help="`kubectl get pods --all-namespaces` and `kubectl get persistentvolumes`: what has no namespace stays behind.",
)
def test_nothing_held(objects, start, volumes, evidence):
    """Nothing of it holds a GPU or a volume any more, wherever it is"""
    before = {p["metadata"]["uid"] for p in kind(start, "Pod") if namespace(p) != evidence.header.namespace}
    strangers = evidence.header.cluster.get("provider") == "context"
    own = {o["metadata"]["name"] for o in kind([*start, *objects], "Namespace") if EXERCISE in labels(o)}
    holding = [
        f"pod {namespace(pod)}/{pod['metadata']['name']}"
        for pod in kind(objects, "Pod")
        if holds_gpu(pod) and pod["metadata"]["uid"] not in before and (not strangers or namespace(pod) in own)
    ]
    holding += [f"volume {volume.name} of claim {volume.claim}" for volume in volumes]
    expect(not holding, "no pod with a GPU and no volume of this exercise", ", ".join(holding))


@check(
    "lessons-noted",
    points=3,
    help="A lesson is a sentence that a colleague can use, and it names what it is about.",
)
def test_lessons_noted(written):
    """Three lessons are written down: of a deployment, a metric and tuning"""
    note = written.note(NOTE)
    told = {}
    for heading, (pattern, thing) in KINDS.items():
        note.reasons(heading, {thing: pattern}, WORDS)
        told[_plain(note.section(heading))] = heading
    expect(len(told) == len(KINDS), "three lessons that differ", f"the same under {' and '.join(KINDS)}")


def _plain(words):
    return re.sub(r"\W+", " ", words).strip().lower()
