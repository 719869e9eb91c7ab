"""four-gpu-pending: the model answers, on GPUs that the scheduler gave it and the nodes really have."""

from vlab.grading import check, expect
from vlab.grading.expectations import (
    SEE_ANSWER,
    SEE_PODS,
    SEE_SELECTOR,
    expect_answer,
    expect_deployment,
    expect_gpu_requested,
    expect_ready,
    expect_scheduled,
)
from vlab.grading.views import kind


@check("deployment-exists", help=SEE_SELECTOR)
def test_deployment_exists(deployment):
    """A Deployment stands behind the Service vllm-server"""
    expect_deployment(deployment)


@check(
    "gpu-requested",
    needs=["deployment-exists"],
    help="A GPU that was not asked for is one that the scheduler gives to somebody else as well.",
)
def test_gpu_requested(deployment):
    """Every replica asks for its GPUs"""
    expect_gpu_requested(deployment)


@check(
    "placed-by-scheduler",
    needs=["deployment-exists"],
    help="`nodeName` goes past the scheduler; say what the pod needs, and let the scheduler find the node.",
)
def test_placed_by_scheduler(deployment):
    """The scheduler chooses the node"""
    expect_scheduled(deployment)


@check(
    "capacity-untouched",
    help="A node's GPUs are what its device plugin found. Writing another number makes no GPU.",
)
def test_capacity_untouched(nodes, start):
    """Every node offers the GPUs that it has"""
    had = {node["metadata"]["name"]: _gpus(node) for node in kind(start, "Node")}
    for node in nodes:
        name = node["metadata"]["name"]
        expect(_gpus(node) == had.get(name, _gpus(node)), f"{had.get(name)} on {name}, as at the start", _gpus(node))


@check("server-ready", points=4, needs=["deployment-exists"], help=SEE_PODS)
def test_server_ready(deployment, pods):
    """Every replica is ready"""
    expect_ready(deployment, pods)


@check(
    "model-answers",
    points=6,
    needs=["server-ready", "gpu-requested", "placed-by-scheduler", "capacity-untouched"],
    help=SEE_ANSWER,
)
def test_model_answers(api):
    """The endpoint answers a question with the model's words"""
    expect_answer(api)


def _gpus(node):
    """Everything of NVIDIA's that a node says it has, such as 'nvidia.com/gpu: 1'."""
    offered = {k: v for k, v in node["status"]["capacity"].items() if k.startswith("nvidia.com/")}
    return ", ".join(f"{name}: {count}" for name, count in sorted(offered.items())) or "no GPU"
