"""gpu-scheduling: a namespace that says whose it is, and a note of what the nodes can give, or why nothing."""

from vlab.grading import check, expect
from vlab.grading.expectations import expect_same_nodes
from vlab.grading.views import kind, labels
from vlab.settings import EXERCISE, GPU

NOTE = "gpu-scheduling.md"
LAYERS = ("capacity", "operator", "device plugin")
HARDWARE = ("nvidia.com/gpu.present", "feature.node.kubernetes.io/pci-10de.present")
"""Labels of a node in which a GPU was found."""


@check(
    "namespace-made",
    points=3,
    help="`kubectl get namespaces --show-labels`: its name and its labels are those of the task's manifest.",
)
def test_namespace_made(objects, evidence):
    """The exercise's namespace is there, and says whose it is"""
    name = evidence.header.namespace
    found = next((o for o in kind(objects, "Namespace") if o["metadata"]["name"] == name), None)
    expect(found, f"a namespace {name}", "none of that name")
    marks = labels(found or {"metadata": {}})
    expect(marks.get(EXERCISE) == name, f"namespace {name} with the labels of the task", _shown(marks))


@check("nodes-untouched", help="The nodes are shared: look at what they offer, and leave it as it is.")
def test_nodes_untouched(nodes, start, evidence):
    """Every node is as it was"""
    expect_same_nodes(nodes, start, evidence)


@check(
    "gpus-noted",
    points=3,
    needs=["safeguards"],
    help="`kubectl describe node` has what it offers under Allocatable: count the nodes, add up, and find the most.",
)
def test_gpus_noted(nodes, plugins, written):
    """The note says what the nodes can give, or at which layer it ends"""
    note = written.note(NOTE)
    offers = [n for n in map(_offer, nodes) if n]
    if not offers:
        _expect_layer(note.value("layer that is missing"), _missing(nodes, plugins))
        return
    _expect_number("nodes with a GPU", note.number("nodes with a GPU"), len(offers))
    _expect_number("GPUs in all", note.number("GPUs in all"), sum(offers))
    _expect_number("most GPUs for one pod", note.number("most GPUs for one pod"), max(offers))


def _offer(node):
    return int(node["status"].get("allocatable", {}).get(GPU, 0))


def _expect_number(name, told, is_so):
    expect(told == is_so, f"{name}: {is_so}, as the nodes say", f"{told:g}")


def _missing(nodes, plugins):
    """The layers that may be missing, as far as it can be seen."""
    hardware = any(labels(n).get(mark) == "true" for n in nodes for mark in HARDWARE)
    if any(p.wanted for p in plugins) or (plugins and hardware):
        return ("device plugin",)
    if hardware:
        return ("operator",)
    # Who labels nodes by their hardware is part of an operator: without one nobody can say that there is none.
    return ("capacity",) if plugins else ("capacity", "operator")


def _expect_layer(told, may_be):
    named = [layer for layer in LAYERS if layer in told.lower()]
    expect(len(named) == 1, f"one layer of {', '.join(LAYERS)}", told)
    expect(named[0] in may_be, " or ".join(may_be), named[0])


def _shown(marks):
    return ", ".join(f"{k}={v}" for k, v in sorted(marks.items())) or "no labels"
