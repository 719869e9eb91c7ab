"""shm-missing: the engine stays up and answers, on shared memory that is memory and large enough."""

from vlab.grading import check, expect
from vlab.grading.expectations import (
    SEE_ANSWER,
    SEE_PODS,
    SEE_SELECTOR,
    expect_answer,
    expect_deployment,
    expect_ready,
    shared_memory,
)

NEEDED_MIB = 400
"""What the engine's rings take when they are full: 160 MiB for broadcasts, 240 MiB for a worker."""


@check("deployment-exists", help=SEE_SELECTOR)
def test_deployment_exists(deployment):
    """A Deployment stands behind the Service vllm-server"""
    expect_deployment(deployment)


@check("server-ready", points=4, needs=["deployment-exists"], help=SEE_PODS)
def test_server_ready(deployment, pods):
    """Every replica is ready"""
    expect_ready(deployment, pods)


@check(
    "shm-is-memory",
    points=2,
    needs=["server-ready"],
    help="On a disk every exchange between the engine's processes waits for that disk, and no size is kept.",
)
def test_shm_is_memory(probes):
    """Shared memory is memory, seen from inside the pod"""
    for pod, (kind, _) in shared_memory(probes).items():
        expect(kind == "tmpfs", "a tmpfs at /dev/shm", f"{kind} in {pod}")


@check(
    "shm-has-room",
    points=1,
    needs=["shm-is-memory"],
    help="At its start the engine looks for the room of one ring; under load it fills all of them.",
)
def test_shm_has_room(probes):
    """Shared memory has room for an engine under load"""
    for pod, (_, mib) in shared_memory(probes).items():
        expect(mib >= NEEDED_MIB, f"at least {NEEDED_MIB} MiB at /dev/shm", f"{mib:.0f} MiB in {pod}")


@check("model-answers", points=3, needs=["server-ready", "shm-is-memory"], help=SEE_ANSWER)
def test_model_answers(api):
    """The endpoint answers a question with the model's words"""
    expect_answer(api)
