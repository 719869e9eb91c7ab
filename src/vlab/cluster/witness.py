"""vlab's own pod in a cluster: put there when needed, put back when gone, and asked through the API's exec."""

import base64
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import vlab
from vlab import render
from vlab.cluster.kube import Kube, Object
from vlab.cluster.lab import Lab
from vlab.cluster.refusals import ApiError, NoAnswer
from vlab.errors import Exit, LabError
from vlab.packing import zipped
from vlab.serving import is_ready
from vlab.settings import SYSTEM

Event = dict[str, Any]

NAME = "witness"
_READY_S = {"kind-built": 60.0, "kind-registry": 600.0, "context": 900.0}
"""Where the engine's image is not on the nodes yet, the first time pulls it."""
_PARTS = (
    *("__init__.py", "errors.py", "settings.py", "evidence/*.py", "witness/*.py"),
    *("load/*.py", "load/*.txt", "load/workloads/*"),
)
"""The files of this package that run in the pod."""


@dataclass(frozen=True)
class Witness:
    """The pod, ready to be asked."""

    cluster: Kube
    namespace: str
    image_id: str
    """Of the engine's image, as its node knows it."""
    node: str

    def ask(
        self, program: str, given: Mapping[str, Any], deadline: float, on_event: Callable[[Event], None] | None = None
    ) -> list[Event]:
        """Run a program to its end.

        Args:
            deadline: seconds in all; the pod's own clock ends it a little earlier.

        Raises:
            NoAnswer: the pod could not be asked, or did not come to the end.
        """
        text = base64.b64encode(json.dumps({**given, "deadline": deadline}).encode()).decode()
        events: list[Event] = []
        rest = ""

        def heard(piece: str) -> None:
            nonlocal rest
            *lines, rest = (rest + piece).split("\n")
            for line in filter(None, lines):
                events.append(json.loads(line))
                if on_event is not None:
                    on_event(events[-1])

        command = ["python3", "/vlab/vlab.zip", program, text]
        ran = self.cluster.run(
            self.namespace, NAME, NAME, command, timeout=deadline + 5, limit=32 << 20, on_output=heard
        )
        if not events or events[-1]["kind"] != "end":
            words = (ran.stderr.strip().splitlines() or ["it was cut off"])[-1]
            raise NoAnswer(f"the witness did not come to the end: {words[:300]}")
        return events


def namespace_of(lab: Lab) -> str:
    """Where the witness is: of a cluster that others use too, in a namespace of this lab's alone."""
    return SYSTEM if lab.provider != "context" else f"{SYSTEM}-{lab.instance}"


def ensure(
    cluster: Kube, lab: Lab, values: Mapping[str, Any], *, wait: bool = True, note: Callable[[str], None] | None = None
) -> Witness | None:
    """The witness, put there if it is not; None where one may not make it, on a cluster that others run.

    Args:
        values: of the deployment, whose image it shares.
        wait: until it can be asked; else it only begins to start, and None is returned.

    Raises:
        LabError: it does not get ready.
    """
    namespace = namespace_of(lab)
    end = time.monotonic() + _READY_S[lab.provider]
    while True:
        there = cluster.find("pods", NAME, namespace)
        if there is not None and not _usable(cluster, there):
            cluster.request("DELETE", f"/api/v1/namespaces/{namespace}/pods/{NAME}", query=[("gracePeriodSeconds", 0)])
            there = None
        if there is None:
            try:
                _make(cluster, lab, namespace, values)
            except ApiError as e:
                if e.status == HTTPStatus.FORBIDDEN and lab.provider == "context":
                    return None  # of a cluster that vlab made it may do all, unless somebody keeps the witness out
                if e.status != HTTPStatus.CONFLICT:
                    raise
        if not wait:
            return None
        if there is not None and (ready := _ready(cluster, there, namespace)):
            return ready
        if note is not None:
            note("the witness is starting")
        if time.monotonic() > end:
            raise LabError(
                f"the witness pod in namespace {namespace} does not start",
                f"`vlab kubectl describe pod {NAME} --namespace {namespace}` says why",
                Exit.NO_LAB,
            )
        time.sleep(0.2)


def _usable(cluster: Kube, pod: Object) -> bool:
    """Whether it runs this vlab's code, on a node that answers."""
    labels = pod["metadata"].get("labels", {})
    if "deletionTimestamp" in pod["metadata"] or labels.get("vlab.dev/code") != _code()[0]:
        return False
    if pod["status"].get("phase") in ("Failed", "Succeeded"):
        return False
    node = cluster.find("nodes", pod["spec"].get("nodeName", "")) if pod["spec"].get("nodeName") else None
    return node is None or is_ready(node)


def _ready(cluster: Kube, pod: Object, namespace: str) -> Witness | None:
    statuses = pod["status"].get("containerStatuses", ())
    if not is_ready(pod):
        return None
    return Witness(cluster, namespace, str(statuses[0].get("imageID", "")), str(pod["spec"]["nodeName"]))


def _make(cluster: Kube, lab: Lab, namespace: str, values: Mapping[str, Any]) -> None:
    if cluster.find("namespaces", namespace) is None:
        metadata = {"name": namespace, "labels": lab.labels}
        cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    code, archive = _code()
    server = values["server"]
    pod = as_engine(server)
    pod["security_context"] = {k: v for k, v in pod["security_context"].items() if k != "fsGroup"}
    made = render.manifest(
        "witness",
        **pod,
        pod=NAME,
        system=namespace,
        code=code,
        archive=base64.b64encode(archive).decode(),
        weights=f"/models/{server['model']}" if lab.provider == "kind-built" else "",
    )
    for each in render.labelled(made, lab.labels):
        if each["kind"] == "Pod" or cluster.find("configmaps", each["metadata"]["name"], namespace) is None:
            cluster.create(each)


def _code() -> tuple[str, bytes]:
    """The name of its ConfigMap, after its digest, and the archive."""
    root = Path(vlab.__file__).parent
    files = sorted({f for part in _PARTS for f in root.glob(part)})
    content = {f"vlab/{file.relative_to(root)}": file.read_bytes() for file in files}
    digest = hashlib.sha256(b"".join(content.values())).hexdigest()
    archive = zipped({"__main__.py": b"from vlab.witness.__main__ import main\n\nmain()\n", **content})
    return f"witness-{digest[:12]}", archive


def as_engine(server: Mapping[str, Any]) -> dict[str, Any]:
    """What templates of vlab's own pods take from a deployment's: the engine's image, where it may run and as whom."""
    return {
        "image": server["image"],
        "node_selector": server.get("node_selector") or {},
        "pull_secrets": server.get("image_pull_secrets") or [],
        "security_context": server["security_context"],
    }
