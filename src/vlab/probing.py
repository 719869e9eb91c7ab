"""Looks into the pods that serve, from inside: which process listens, what its shared memory and its mounts are."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import Any

from vlab.cluster.kube import Kube
from vlab.cluster.refusals import NoAnswer
from vlab.evidence import Probe
from vlab.settings import ENGINE_CORE

Object = dict[str, Any]

NAME = "inside"
_TIMEOUT_S = 20.0
_TRIES = 3


def probed(cluster: Kube, namespace: str, pods: Sequence[Object], cache_path: str) -> list[Probe]:
    """What each running container of the pods says of itself, and of the model cache that is promised to be there.

    A container without Python says nothing; that is no trouble, since the engine's has it.
    """
    script = (files("vlab") / "inside.py").read_text()
    wanted = [
        (pod["metadata"]["name"], status["name"])
        for pod in pods
        for status in pod["status"].get("containerStatuses", ())
        if "running" in status["state"]
    ]
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda w: _probe(cluster, namespace, w, (script, cache_path)), wanted))


def without_core(probes: Sequence[Probe]) -> bool:
    """Whether a vLLM server is seen without its engine's core, which is started with it and dies before it."""
    for probe in (p for p in probes if p.exit_code == 0):
        processes = json.loads(probe.stdout)["processes"]
        serves = any("vllm" in word for process in processes for word in process["command"][:4])
        if serves and not any(process["name"].startswith(ENGINE_CORE) for process in processes):
            return True
    return False


def _probe(cluster: Kube, namespace: str, where: tuple[str, str], script: tuple[str, str]) -> Probe:
    pod, container = where
    command = ("python3", "-I", "-S", "-c", *script)
    code, out, err = None, "", ""
    for _ in range(_TRIES):
        try:
            ran = cluster.run(namespace, pod, container, command, timeout=_TIMEOUT_S)
        except NoAnswer as e:
            err = e.message
            continue
        code, out, err = ran.code, ran.stdout, ran.stderr
        if code is not None:
            break
    return Probe(
        name=NAME,
        pod=pod,
        container=container,
        command=("python3", "inside.py"),
        exit_code=-1 if code is None else code,
        stdout=out,
        stderr=err[-2000:],
    )
