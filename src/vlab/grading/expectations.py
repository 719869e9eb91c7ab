"""What several graders expect, in one place: a server behind the Service, ready, that answers."""

from collections.abc import Mapping, Sequence
from typing import Any

from vlab.evidence import Answer, CannotTell, Probe
from vlab.grading.check import expect
from vlab.grading.views import is_ready, requested, why_not_ready

Object = dict[str, Any]

GPU = "nvidia.com/gpu"

SEE_SELECTOR = "A Service leads to pods by its selector: `kubectl get deployments,services -o wide`."
SEE_PODS = "`kubectl describe pod` says why a pod waits, `kubectl logs --previous` why it ended."
SEE_ANSWER = "`vlab ask 'What is a GPU?'` asks as the check does: through the Service."


def expect_deployment(deployment: Object | None) -> None:
    """Raises: Mismatch unless a Deployment stands behind the Service."""
    expect(deployment, "a Deployment whose pods the Service selects", "none")


def expect_ready(deployment: Object, pods: Sequence[Object]) -> None:
    """Raises: Mismatch unless there is a replica, and every one is ready."""
    wanted = deployment["spec"].get("replicas", 1)
    ready = sum(is_ready(pod) for pod in pods)
    expect(wanted >= 1, "at least one replica", "0")
    expect(ready >= wanted, f"{wanted} ready", f"{ready}: {why_not_ready(list(pods))}")


def expect_gpu_requested(deployment: Object) -> None:
    """Raises: Mismatch unless the pod template asks for a GPU."""
    count = requested(deployment["spec"]["template"], GPU)
    expect(count >= 1, f"at least one {GPU} in the container's resources", f"{count}")


def expect_scheduled(deployment: Object) -> None:
    """Raises: Mismatch if the pod template names its node, past the scheduler."""
    node = deployment["spec"]["template"]["spec"].get("nodeName")
    expect(node is None, "no nodeName in the pod template", f"nodeName {node}")


def expect_answer(api: Mapping[str, Answer]) -> None:
    """Raises: Mismatch unless the endpoint completed a text."""
    answer = api["completion"]
    found = answer.error or f"status {answer.status}: {answer.body[:200]}"
    expect(answer.status == 200 and answer.text.strip(), "an answer with generated text", found)


def shared_memory(probes: Mapping[str, Sequence[Probe]]) -> dict[str, tuple[str, float]]:
    """By pod: the type of the file system at /dev/shm as seen from inside, and its size in MiB.

    Raises:
        CannotTell: a pod could not be asked.
    """
    found: dict[str, tuple[str, float]] = {}
    if not probes.get("shm"):
        raise CannotTell("no pod was ready to be looked into")
    for probe in probes["shm"]:
        try:
            # df -PT -k: a header, then source, type, blocks of 1 KiB, used, available, capacity, mount point.
            _, kind, blocks, *_ = probe.stdout.splitlines()[1].split()
            found[probe.pod] = (kind, int(blocks) / 1024)
        except (IndexError, ValueError):
            words = f"the shared memory of {probe.pod} could not be looked at: {probe.stderr.strip()}"
            raise CannotTell(words) from None
    return found
