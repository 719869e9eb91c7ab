"""A learner's kubeconfig: one cluster, one account, a token that ends."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from vlab import runs
from vlab.classroom.model import Class, Learner
from vlab.cluster.kube import Kube
from vlab.cluster.kubectl import own_kubeconfig
from vlab.cluster.lab import Lab
from vlab.errors import Exit, LabError

LEAST_S = 600
"""The API server gives no token for less."""


def endpoint(lab: Lab, server: str = "") -> dict[str, Any]:
    """The cluster's part of a kubeconfig: its address and whom to trust.

    Args:
        server: the address by which learners reach it, where it is another than this machine's.

    Raises:
        LabError: the lab's kubeconfig names no cluster.
    """
    found = yaml.safe_load(own_kubeconfig(lab).read_text())
    known = {each["name"]: each["cluster"] for each in found.get("clusters") or ()}
    used = next((c["context"] for c in found.get("contexts") or () if c["name"] == lab.context), None)
    if used is None or used["cluster"] not in known:
        raise LabError(
            f"{lab.kubeconfig} has no context {lab.context}", f"`vlab up --name {lab.name}` mends it", Exit.NO_LAB
        )
    cluster = dict(known[used["cluster"]])
    if file := cluster.pop("certificate-authority", None):
        cluster["certificate-authority-data"] = base64.b64encode(Path(file).read_bytes()).decode()
    return cluster | ({"server": server} if server else {})


def token(cluster: Kube, of: Class, learner: Learner, seconds: int) -> tuple[str, datetime]:
    """A token of the learner's account, and when it ends; the cluster may give a shorter one than asked for."""
    wish = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": max(LEAST_S, seconds)},
    }
    path = f"/api/v1/namespaces/{of.system}/serviceaccounts/{learner.slug}/token"
    status = json.loads(cluster.request("POST", path, body=wish))["status"]
    return status["token"], datetime.fromisoformat(status["expirationTimestamp"])


def kubeconfig(of: Class, learner: Learner, cluster: dict[str, Any], token: str) -> str:
    """What the learner is given, as YAML; its contexts: `lab`, and `desk` for what the teacher hands out."""
    contexts = {"lab": of.namespace(learner), "desk": of.system}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": of.name, "cluster": cluster}],
            "users": [{"name": learner.slug, "user": {"token": token}}],
            "contexts": [
                {"name": name, "context": {"cluster": of.name, "user": learner.slug, "namespace": space}}
                for name, space in contexts.items()
            ],
            "current-context": "lab",
        },
        sort_keys=False,
    )


def give(cluster: Kube, of: Class, learner: Learner, where: dict[str, Any], now: datetime | None = None) -> datetime:
    """Write the learner's kubeconfig, with a token for the class's hours or to the end of its exam.

    Returns:
        When the token ends.

    Raises:
        LabError: the exam is over, or the cluster gives no token.
    """
    now = now or datetime.now(UTC)
    seconds = of.hours * 3600
    ends = of.ends_for(learner)
    if ends is not None:
        if now >= ends:
            hint = f"`vlab class extend --class {of.name} --learner {learner.slug} --minutes N` moves its end"
            raise LabError(f"the exam of class {of.name} ended for {learner.slug} at {ends:%H:%M} UTC", hint)
        seconds = (ends - now).total_seconds()
    made, until = token(cluster, of, learner, round(seconds))
    file = of.kubeconfig(learner)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    runs.write_whole(file, kubeconfig(of, learner, where, made))
    file.chmod(0o600)
    return until
