"""The way to the endpoint of an exercise, for those who want to ask it themselves."""

from vlab import runs
from vlab.cluster import witness
from vlab.cluster.kube import kube
from vlab.cluster.lab import Lab
from vlab.deployment import kept
from vlab.errors import Exit, LabError
from vlab.runs import Run
from vlab.serving import address
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
    found = witness.ensure(cluster, lab, kept(run).values)
    if found is None:
        raise LabError(
            "no witness pod may be made on this cluster",
            f"ask through a tunnel: `vlab kubectl port-forward service/{SERVICE} {PORT}`",
            Exit.NO_LAB,
        )
    return found, address(SERVICE, run.namespace)
