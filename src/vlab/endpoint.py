"""The way to the endpoint of an exercise, for those who want to ask it themselves."""

from collections.abc import Iterator
from contextlib import contextmanager

from vlab import runs
from vlab.cluster import witness
from vlab.cluster.forward import forward
from vlab.cluster.kube import kube
from vlab.cluster.lab import Lab
from vlab.deployment import Rendered
from vlab.errors import Exit, LabError
from vlab.runs import Run
from vlab.serving import serving
from vlab.settings import NAMESPACE, PORT, SERVICE


def last_run(lab: Lab, namespace: str | None) -> Run:
    """The newest run on a lab, in a namespace if one is named.

    Raises:
        LabError: nothing was started there.
    """
    found = [run for run in runs.of(lab) if namespace in (None, run.namespace)]
    if not found:
        raise LabError(
            f"no exercise has been started on lab {lab.name!r}" + (f" in namespace {namespace}" if namespace else ""),
            "`vlab list` shows them, `vlab start` deploys one",
            Exit.NO_LAB,
        )
    return found[0]


def namespace_of(lab: Lab) -> str:
    """The namespace of the last exercise; the usual one if there was none."""
    found = runs.of(lab)
    return found[0].namespace if found else NAMESPACE


def open_witness(lab: Lab, namespace: str | None) -> tuple[witness.Witness, str]:
    """The witness, and the address that the exercise's clients use.

    Raises:
        LabError: nothing was started, or no witness may run here.
    """
    run = last_run(lab, namespace)
    cluster = kube(lab)
    found = witness.ensure(cluster, lab, Rendered.model_validate(runs.read_objects(run.wanted)).values)
    if found is None:
        raise LabError(
            "no witness pod may be made on this cluster",
            f"ask through a tunnel: `vlab kubectl port-forward service/{SERVICE} {PORT}`",
            Exit.NO_LAB,
        )
    return found, f"http://{SERVICE}.{run.namespace}.svc:{PORT}"


@contextmanager
def open_endpoint(lab: Lab, namespace: str | None) -> Iterator[str]:
    """The endpoint's URL on the loopback, for as long as the block runs.

    Raises:
        LabError: the Service does not lead to a ready pod.
    """
    cluster, space = kube(lab), namespace or namespace_of(lab)
    found = serving(cluster.items("services,endpointslices,pods", space), space)
    if not found.pods:
        raise LabError(
            f"{SERVICE}:{PORT} in namespace {space} leads to no ready pod",
            "`vlab kubectl get pods` shows what is there; `vlab start` deploys an exercise",
            Exit.NO_LAB,
        )
    pod = found.pods[0]["metadata"]["name"]
    with forward(cluster, space, pod, found.ports[pod]) as url:
        yield url
