"""Views: what serves is found through the Service, and in each pod the container that listens."""

import json

import pytest

import making
from vlab.evidence import CannotTell
from vlab.grading.views import COLLECTED_BY, VIEWS, Views, is_ready, why_not_ready


def engines(folder, *containers, said, name="vllm-server-1"):
    one = making.pod(name, *containers)
    objects = [one, making.service(), making.endpoints(making.endpoint(one))]
    return Views(making.evidence(folder / "e", objects, said=said))["engines"]


SIDECAR = {"name": "sidecar", "image": "busybox"}
QUIET = {**making.inside(), "listeners": {}}


def test_the_container_that_listens_is_the_engine_wherever_it_stands_in_the_list(tmp_path):
    said = [making.probe(QUIET, container="sidecar"), making.probe(making.inside())]
    (engine,) = engines(tmp_path, SIDECAR, making.engine_container(), said=said)
    assert engine.container["name"] == "vllm"
    assert engine.container["status"]["imageID"] == making.IMAGE
    assert engine.listener == making.SERVER


def test_a_sidecar_without_python_is_not_in_the_way(tmp_path):
    said = [making.probe(None, container="sidecar", code=127), making.probe(making.inside())]
    (engine,) = engines(tmp_path, SIDECAR, making.engine_container(), said=said)
    assert engine.container["name"] == "vllm"


def test_who_listens_without_python_is_in_the_container_that_declares_the_port(tmp_path):
    said = [making.probe(None, container="sidecar", code=127), making.probe(None, code=127)]
    (engine,) = engines(tmp_path, SIDECAR, making.engine_container(), said=said)
    assert (engine.container["name"], engine.inside, engine.listener) == ("vllm", None, None)


@pytest.mark.parametrize(
    "said",
    [[], [making.probe(None, code=-1)], [making.probe(QUIET)]],
    ids=["nothing was asked", "it could not be asked", "everybody says that nobody listens"],
)
def test_a_pod_that_could_not_be_looked_into_is_no_verdict(tmp_path, said):
    with pytest.raises(CannotTell, match="vllm-server-1 could not be looked into"):
        engines(tmp_path, making.engine_container(), said=said)


def test_bystanders_are_not_looked_at(tmp_path):
    one, other = making.pod(), making.pod("box", address="10.0.0.9")
    objects = [one, other, making.service(), making.endpoints(making.endpoint(one))]
    found = Views(making.evidence(tmp_path / "e", objects))["engines"]
    assert [e.name for e in found] == ["vllm-server-1"]


@pytest.mark.parametrize(
    ("resources", "count"),
    [
        ({}, 0),
        ({"limits": {"nvidia.com/gpu": "2"}}, 2),
        ({"requests": {"nvidia.com/gpu": 1}}, 1),
        ({"requests": {"nvidia.com/gpu": "1"}, "limits": {"nvidia.com/gpu": "1"}}, 1),
    ],
)
def test_gpus_are_those_of_the_container_that_serves(tmp_path, resources, count):
    greedy = {**SIDECAR, "resources": {"limits": {"nvidia.com/gpu": "4"}}}
    said = [making.probe(QUIET, container="sidecar"), making.probe(making.inside())]
    container = making.engine_container(resources=resources)
    (engine,) = engines(tmp_path, greedy, container, said=said)
    assert engine.gpus == count


def test_workers_are_counted_by_their_processes(tmp_path):
    workers = [making.process(60 + i, "VLLM::Worker_TP" + str(i), parent=50) for i in range(2)]
    said = [making.probe(making.inside(making.SERVER, making.CORE, *workers))]
    assert engines(tmp_path, making.engine_container(), said=said)[0].workers == 2


@pytest.mark.parametrize(
    ("path", "volume"),
    [("/cache", "cache"), ("/cache/hub", "cache"), ("/cache/own/x", "own"), ("/cached", None), ("/", None)],
)
def test_the_volume_at_a_path_is_the_nearest_mount_above_it(tmp_path, path, volume):
    mounts = [{"name": "cache", "mountPath": "/cache/"}, {"name": "own", "mountPath": "/cache/own"}]
    one = making.pod("vllm-server-1", making.engine_container(volumeMounts=mounts))
    one["spec"]["volumes"].append({"name": "own", "emptyDir": {}})
    objects = [one, making.service(), making.endpoints(making.endpoint(one))]
    (engine,) = Views(making.evidence(tmp_path / "e", objects))["engines"]
    found = engine.volume_at(path)
    assert (found and found["name"]) == volume


def test_a_view_is_made_once(tmp_path):
    views = Views(making.evidence(tmp_path / "e", making.deployed()))
    assert views["serving"] is views["serving"]
    assert json.loads(views["probes"]["inside"][0].stdout) == making.inside()


def test_collectors_are_told_of_views_that_are_there():
    assert COLLECTED_BY.keys() <= VIEWS.keys()


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
        ([pod()], "it runs, and is not ready"),
        ([pod(conditions=[{"type": "Ready", "status": "True"}]), pod(reason="Evicted")], "Evicted:"),
    ],
)
def test_why_a_pod_is_not_ready_is_said_in_the_clusters_words(pods, words):
    assert why_not_ready(pods).startswith(words)


def test_readiness():
    assert is_ready(pod(conditions=[{"type": "Ready", "status": "True"}]))
    assert not is_ready(pod(conditions=[{"type": "Ready", "status": "False"}]))
    assert not is_ready({"kind": "Pod", "metadata": {}})
