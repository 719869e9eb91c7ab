"""What an exercise promises about the GPUs: each engine has its own, given by the scheduler, on nodes as they were."""

from vlab.grading import check, expect
from vlab.grading.expectations import expect_same_nodes, expect_scheduled
from vlab.settings import GPU


@check(
    "gpu-held",
    needs=["server-ready"],
    help="A GPU that the engine's container did not ask for is one that the scheduler gives to somebody else as well.",
)
def test_gpu_held(engines):
    """Every engine holds a GPU for each of its workers"""
    for engine in engines:
        needed = max(1, engine.workers)
        expect(
            engine.gpus >= needed,
            f"{needed} {GPU} in container {engine.container['name']} of {engine.name}, which serves",
            f"{engine.gpus}",
        )


@check(
    "placed-by-scheduler",
    needs=["server-ready"],
    help="`nodeName` goes past the scheduler; say what the pod needs, and let the scheduler find the node.",
)
def test_placed_by_scheduler(serving):
    """The scheduler chose the node"""
    for owner in serving.owners:
        expect_scheduled(owner)


@check(
    "nodes-untouched",
    help="The nodes are shared: their labels, taints and readiness for pods, and the GPUs that they say they have.",
)
def test_nodes_untouched(nodes, start, evidence):
    """Every node is as it was"""
    expect_same_nodes(nodes, start, evidence)
