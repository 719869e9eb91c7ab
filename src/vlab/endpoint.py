"""Reaches the deployed endpoint from this machine: a port-forward that opens and closes itself."""

from collections.abc import Iterator
from contextlib import contextmanager

from vlab.cluster.lab import Lab
from vlab.cluster.up import kube
from vlab.collect import leading_service, service_port
from vlab.errors import Exit, LabError


@contextmanager
def open_endpoint(lab: Lab, namespace: str) -> Iterator[str]:
    """The endpoint's URL on the loopback, for as long as the block runs.

    Raises:
        LabError: no Service of the namespace leads to a ready pod.
    """
    cluster = kube(lab)
    service = leading_service(cluster, namespace)
    if service is None:
        raise LabError(
            f"no Service in namespace {namespace} leads to a ready pod",
            "`vlab kubectl get pods` shows what is there; `vlab start` deploys an exercise",
            Exit.NO_LAB,
        )
    port = service_port(cluster, service, namespace)
    with cluster.forward(f"service/{service}", port, namespace) as url:
        yield url
