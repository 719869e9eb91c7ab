"""four-gpu-pending: the model answers, on GPUs that the scheduler gave it and the nodes really have."""

from vlab.grading import check, expect
from vlab.grading.views import is_ready, kind, requested

GPU = "nvidia.com/gpu"


@check(
    "deployment-exists",
    points=1,
    help="A Service leads to pods by its selector: `kubectl get deployments,services -o wide`.",
)
def test_deployment_exists(deployment):
    """A Deployment stands behind the Service vllm-server"""
    expect(deployment, "a Deployment whose pods the Service selects", "none")


@check(
    "gpu-requested",
    points=2,
    needs=["deployment-exists"],
    help="A GPU that was not asked for is one that the scheduler gives to somebody else as well.",
)
def test_gpu_requested(deployment):
    """Every replica asks for its GPUs"""
    count = requested(deployment["spec"]["template"], GPU)
    expect(count >= 1, f"at least one {GPU} in the container's resources", f"{count}")


@check(
    "placed-by-scheduler",
    points=1,
    needs=["deployment-exists"],
    help="`nodeName` goes past the scheduler; say what the pod needs, and let the scheduler find the node.",
)
def test_placed_by_scheduler(deployment):
    """The scheduler chooses the node"""
    node = deployment["spec"]["template"]["spec"].get("nodeName")
    expect(node is None, "no nodeName in the pod template", f"nodeName {node}")


@check(
    "capacity-untouched",
    points=1,
    help="A node's GPUs are what its device plugin found. Writing another number makes no GPU.",
)
def test_capacity_untouched(nodes, baseline, events):
    """Every node offers the GPUs that it has"""
    had = {n["metadata"]["name"]: n["status"]["capacity"].get(GPU, "0") for n in kind(baseline, "Node")}
    for node in nodes:
        name, has = node["metadata"]["name"], node["status"]["capacity"].get(GPU, "0")
        expect(has == had.get(name, has), f"{had.get(name)} GPUs on {name}, as at the start", has)
    refused = [e for e in events if e.get("reason") == "UnexpectedAdmissionError" and GPU in e.get("message", "")]
    expect(not refused, "no node promised more GPUs than it has", refused[0]["message"] if refused else "")


@check(
    "server-ready",
    points=2,
    needs=["deployment-exists"],
    help="`kubectl describe pod` says why a pod waits, `kubectl logs` why it ends.",
)
def test_server_ready(deployment, pods):
    """Every replica is ready"""
    wanted = deployment["spec"].get("replicas", 1)
    ready = sum(is_ready(pod) for pod in pods)
    expect(wanted >= 1, "at least one replica", "0")
    expect(ready >= wanted, f"{wanted} ready", f"{ready}: {_why(pods)}")


@check(
    "model-answers",
    points=3,
    needs=["server-ready"],
    help="`vlab ask 'What is a GPU?'` asks as the check does: through the Service.",
)
def test_model_answers(api):
    """The endpoint answers a question with the model's words"""
    answer = api["completion"]
    found = answer.error or f"status {answer.status}: {answer.body[:200]}"
    expect(answer.status == 200 and answer.text.strip(), "an answer with generated text", found)


def _why(pods):
    """What the cluster says about the first pod that is not ready."""
    for pod in pods:
        for condition in pod["status"].get("conditions", []):
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                return condition["message"]
        for status in pod["status"].get("containerStatuses", []):
            state = status["state"].get("waiting") or status["state"].get("terminated")
            if state:
                return f"{state.get('reason', '')} {state.get('message', '')}".strip()
        if pod["status"].get("reason"):
            return f"{pod['status']['reason']}: {pod['status'].get('message', '')}"
    return "starting" if pods else "no pod"
