"""Views: the deployment is found by what it does, whatever it is called and however it is made."""

from datetime import UTC, datetime

import pytest

from vlab.evidence import Collected, Evidence, Header, write
from vlab.grading.views import VIEWS, Views, is_ready, pods_of, requested, why_not_ready

SELECTOR = {"app": "vllm-server"}


def deployment(name="vllm-server", labels=None, ready=1, template=SELECTOR, containers=1):
    spec = {"containers": [{"name": f"c{i}"} for i in range(containers)]}
    metadata = {"name": name, "uid": f"uid-{name}", **({"labels": labels} if labels is not None else {})}
    return {
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"selector": {"matchLabels": template}, "template": {"metadata": {"labels": template}, "spec": spec}},
        "status": {"readyReplicas": ready} if ready else {},
    }


def service(name="vllm-server", selector=SELECTOR, port=8000):
    return {"kind": "Service", "metadata": {"name": name}, "spec": {"selector": selector, "ports": [{"port": port}]}}


def owned(kind, name, owner, **metadata):
    return {"kind": kind, "metadata": {"name": name, "uid": name, "ownerReferences": [{"uid": owner}], **metadata}}


def evidence_of(folder, *objects) -> Evidence:
    header = Header(
        vlab="0",
        scenario="s",
        learner="ada",
        namespace="n",
        profile="cpu",
        started=datetime(2026, 1, 1, tzinfo=UTC),
        seconds=1.0,
        collectors={"objects": Collected(ok=True)},
    )
    write(folder / "e", header, {"objects": {"start": [], "now": list(objects)}})
    return Evidence(folder / "e")


OTHER = {"team": "chat"}


@pytest.mark.parametrize(
    ("objects", "found"),
    [
        ([deployment(), service()], "vllm-server"),
        ([deployment(labels={}), service()], "vllm-server"),
        ([deployment(containers=2), service(port=80)], "vllm-server"),
        ([deployment("llm", template=OTHER), service(selector=OTHER)], "llm"),
        ([deployment("llm", template=OTHER), service("other", selector=OTHER)], "llm"),
        ([deployment("idle", template=OTHER), deployment(), service("a", OTHER), service()], "vllm-server"),
        ([deployment("new", ready=1), deployment(ready=0), service()], "new"),
        ([deployment("new", ready=0), deployment(ready=0), service()], "vllm-server"),
        ([deployment("llm", ready=0, template=OTHER), deployment(), service(selector=OTHER)], "llm"),
        ([deployment()], "vllm-server"),
        ([deployment("llm", labels={"app": "vllm-server"})], "llm"),
        ([deployment("llm"), service(selector=None)], None),
        ([deployment("llm"), service(selector={})], None),
        ([service()], None),
        ([], None),
    ],
    ids=[
        "as deployed",
        "no labels",
        "two containers and another port",
        "another name",
        "another service",
        "the module's service first",
        "the one that serves",
        "none serves",
        "what the service selects",
        "by name",
        "by label",
        "service without selector",
        "service with an empty selector",
        "deleted",
        "nothing",
    ],
)
def test_the_deployment_is_found_by_what_it_does(tmp_path, objects, found):
    view = Views(evidence_of(tmp_path, *objects))["deployment"]
    assert (view and view["metadata"]["name"]) == found


def test_pods_are_the_deployments_own_and_not_on_their_way_out(tmp_path):
    objects = [
        deployment(),
        deployment("other"),
        owned("ReplicaSet", "rs-old", "uid-vllm-server"),
        owned("ReplicaSet", "rs-new", "uid-vllm-server"),
        owned("ReplicaSet", "rs-other", "uid-other"),
        owned("Pod", "a", "rs-old"),
        owned("Pod", "b", "rs-new"),
        owned("Pod", "leaving", "rs-new", deletionTimestamp="2026-01-01T00:00:00Z"),
        owned("Pod", "other", "rs-other"),
        {"kind": "Pod", "metadata": {"name": "stray", "labels": SELECTOR}},
        service(),
    ]
    views = Views(evidence_of(tmp_path, *objects))
    assert [p["metadata"]["name"] for p in views["pods"]] == ["a", "b"]
    assert [p["metadata"]["name"] for p in pods_of(objects[1], objects)] == ["other"]
    assert len(views["deployments"]) == 2


def test_without_a_deployment_there_are_no_pods(tmp_path):
    assert Views(evidence_of(tmp_path, service()))["pods"] == []


def test_a_view_is_made_once(tmp_path):
    views = Views(evidence_of(tmp_path, deployment(), service()))
    assert views["deployment"] is views["deployment"]
    assert set(VIEWS) >= {"evidence", "metrics", "requests", "stream", "probes", "answers", "start"}


def test_what_is_requested_counts_limits_and_all_containers():
    gpu = "nvidia.com/gpu"
    containers = [{"resources": {"limits": {gpu: "2"}}}, {"resources": {"requests": {gpu: "1"}, "limits": {gpu: "1"}}}]
    assert requested({"spec": {"containers": [*containers, {}]}}, gpu) == 3


def pod(**status):
    return {"kind": "Pod", "metadata": {"name": "p"}, "status": status}


UNSCHEDULED = {"type": "PodScheduled", "status": "False", "message": "0/5 nodes are available"}
CRASHED = {
    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}},
    "lastState": {"terminated": {"exitCode": 1}},
}


@pytest.mark.parametrize(
    ("pods", "words"),
    [
        ([], "no pod"),
        ([pod(conditions=[UNSCHEDULED])], "0/5 nodes are available"),
        ([pod(containerStatuses=[CRASHED])], "CrashLoopBackOff, exit code 1 back-off 10s"),
        ([pod(reason="UnexpectedAdmissionError", message="no GPU")], "UnexpectedAdmissionError: no GPU"),
        ([pod()], "starting"),
        ([pod(conditions=[{"type": "Ready", "status": "True"}]), pod(reason="Evicted")], "Evicted:"),
    ],
)
def test_why_a_pod_is_not_ready_is_said_in_the_clusters_words(pods, words):
    assert why_not_ready(pods).startswith(words)


def test_readiness():
    assert is_ready(pod(conditions=[{"type": "Ready", "status": "True"}]))
    assert not is_ready(pod(conditions=[{"type": "Ready", "status": "False"}]))
    assert not is_ready({"kind": "Pod", "metadata": {}})
