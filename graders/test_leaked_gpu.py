"""leaked-gpu: what is the learner's is released, what is a neighbour's is as it was, and the model answers."""

from vlab.grading import check, expect
from vlab.grading.expectations import (
    GPU,
    SEE_ANSWER,
    SEE_PODS,
    SEE_SELECTOR,
    expect_answer,
    expect_deployment,
    expect_gpu_requested,
    expect_ready,
    expect_scheduled,
)
from vlab.grading.views import kind, requested


@check("deployment-exists", help=SEE_SELECTOR)
def test_deployment_exists(deployment):
    """A Deployment stands behind the Service vllm-server"""
    expect_deployment(deployment)


@check(
    "gpu-requested",
    needs=["deployment-exists"],
    help="A GPU that was not asked for is one that the scheduler has given to somebody else.",
)
def test_gpu_requested(deployment):
    """Every replica asks for its GPU"""
    expect_gpu_requested(deployment)


@check(
    "placed-by-scheduler",
    needs=["deployment-exists"],
    help="`nodeName` goes past the scheduler, onto a node that may have nothing left.",
)
def test_placed_by_scheduler(deployment):
    """The scheduler chooses the node"""
    expect_scheduled(deployment)


@check(
    "neighbour-untouched",
    help="The label `owner` says whose something is. Only what is yours is yours to stop.",
)
def test_neighbour_untouched(objects, start, evidence):
    """What belongs to others is as it was"""
    now = {o["metadata"]["uid"]: o for o in _others(objects, evidence)}
    for before in _others(start, evidence):
        name, found = before["metadata"]["name"], now.get(before["metadata"]["uid"])
        expect(found, f"{name} of {_owner(before)}", "it is gone")
        expect(found["spec"] == before["spec"], f"{name} of {_owner(before)} as it was", "it was changed")


@check(
    "leak-released",
    points=4,
    help="`kubectl get pods --all-namespaces -l owner=NAME` shows what is yours. A Deployment makes its pods again.",
)
def test_leak_released(objects, evidence):
    """Nothing finished still holds a GPU"""
    me, here = evidence.header.learner, evidence.header.namespace
    mine = [
        f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        for pod in kind(objects, "Pod")
        if pod["metadata"].get("labels", {}).get("owner") == me
        and pod["metadata"]["namespace"] != here
        and requested({"spec": pod["spec"]}, GPU)
    ]
    expect(not mine, "no pod of an older exercise", ", ".join(mine))


@check("server-ready", points=2, needs=["deployment-exists"], help=SEE_PODS)
def test_server_ready(deployment, pods):
    """Every replica is ready"""
    expect_ready(deployment, pods)


@check(
    "model-answers",
    points=4,
    needs=["server-ready", "gpu-requested", "placed-by-scheduler", "neighbour-untouched"],
    help=SEE_ANSWER,
)
def test_model_answers(api):
    """The endpoint answers a question with the model's words"""
    expect_answer(api)


def _owner(found):
    return found["metadata"].get("labels", {}).get("owner")


def _others(objects, evidence):
    """The Deployments that belong to somebody else."""
    return [d for d in kind(objects, "Deployment") if _owner(d) not in (None, evidence.header.learner)]
