"""What is watched is kept as it is now, and nobody is told of what cannot matter."""

import time
from collections import Counter

import pytest

import making
from loopback import Collection, group, kinds, kubeconfig, running, status, until
from vlab.cluster import lab as labs
from vlab.cluster import watched
from vlab.cluster.kube import Kube
from vlab.cluster.watched import Watched, gist
from vlab.settings import EXERCISE

LAB = labs.new("x", "kind-built", None, "cpu", 4, "kind-x")
HERE = "n"
GROUPS = [
    group(
        "",
        (
            "v1",
            [
                kinds("Namespace", "namespaces", scope="Cluster"),
                kinds("Node", "nodes", scope="Cluster"),
                kinds("Pod", "pods"),
                kinds("ConfigMap", "configmaps"),
            ],
        ),
    )
]
PODS, SPACES, NODES = f"/api/v1/namespaces/{HERE}/pods", "/api/v1/namespaces", "/api/v1/nodes"
MAPS = f"/api/v1/namespaces/{HERE}/configmaps"


def made(kind, name, version="1", **more):
    metadata = {"name": name, "resourceVersion": version}
    if kind not in ("Namespace", "Node"):
        metadata["namespace"] = HERE
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **more}


class World:
    """An API with two namespaced kinds and their namespace, and what was told of it."""

    def __init__(self, api, cluster):
        self.api = api
        self.collections = {
            SPACES: Collection(made("Namespace", HERE)),
            NODES: Collection(made("Node", "worker-1", status={})),
            PODS: Collection(made("Pod", "p", status={"phase": "Pending"})),
            MAPS: Collection(),
        }
        api.paths |= self.collections | {"/api": {"items": GROUPS}, "/apis": {"items": []}}
        self.told = 0
        self.watched = Watched(cluster, LAB, HERE, self.tell)

    def tell(self):
        self.told += 1

    def send(self, path, *events):
        for event in events:
            self.collections[path].send(self.api, event)

    def names(self):
        return Counter(o["metadata"]["name"] for o in self.watched.objects())

    def begin(self):
        self.watched.start()
        until(lambda: self.watched.whole and all(c.since for c in self.collections.values()))
        self.told = 0
        return self


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setattr(watched, "_PAUSE_S", 0.01)
    with running() as api:
        found = World(api, Kube(kubeconfig(tmp_path, api.url), "x"))
        yield found
        for path in found.collections:
            found.send(path, None)
            found.api.paths[path] = status(404, "NotFound")


def test_all_that_is_there_is_read_once_and_then_nothing_is_asked(world):
    world.begin()
    assert world.names() == {HERE: 1, "worker-1": 1, "p": 1}
    before = len(world.api.asked)
    time.sleep(0.5)  # that nothing is asked has no condition that could be polled
    assert len(world.api.asked) == before
    assert {c.lists for c in world.collections.values()} == {1}
    assert world.told == 0


def test_only_the_exercises_own_namespaces_are_watched(world):
    world.begin()
    selectors = [q["labelSelector"] for _, path, q, _ in world.api.asked if path == SPACES]
    assert all(f"{EXERCISE}={HERE}" in s and f"vlab.dev/instance={LAB.instance}" in s for s in selectors)


def test_what_comes_changes_and_goes_is_told(world):
    world.begin()
    world.send(PODS, {"type": "ADDED", "object": made("Pod", "q", "5")})
    until(lambda: world.told == 1)
    assert world.names()["q"] == 1
    world.send(PODS, {"type": "MODIFIED", "object": made("Pod", "q", "6", status={"phase": "Running"})})
    until(lambda: world.told == 2)
    world.send(PODS, {"type": "DELETED", "object": made("Pod", "q", "7")})
    until(lambda: world.told == 3)
    assert world.names()["q"] == 0


def test_a_heartbeat_is_not_told(world):
    world.begin()
    beat = made("Node", "worker-1", "5", status={"conditions": [{"type": "DiskPressure", "lastHeartbeatTime": "now"}]})
    world.send(NODES, {"type": "MODIFIED", "object": beat}, {"type": "BOOKMARK", "object": made("Node", "", "6")})
    lost = made("Node", "worker-1", "7", spec={"unschedulable": True})
    world.send(NODES, {"type": "MODIFIED", "object": lost})
    until(lambda: world.told)
    assert world.told == 1


def test_a_watch_that_ends_goes_on_from_its_last_event_or_bookmark(world):
    world.begin()
    world.send(PODS, {"type": "BOOKMARK", "object": made("Pod", "", "41")}, None)
    until(lambda: len(world.collections[PODS].since) == 2)
    assert world.collections[PODS].since == ["1", "41"]
    assert world.collections[PODS].lists == 1
    assert (world.told, world.watched.trouble) == (0, "")


def test_what_happened_while_a_version_became_too_old_is_seen_in_a_new_list(world):
    world.begin()
    world.collections[PODS].objects = [made("Pod", "other", "90")]
    world.send(PODS, {"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old"}})
    until(lambda: world.names()["other"])
    assert world.names()["p"] == 0
    assert world.watched.trouble == ""
    until(lambda: world.told == 1)


def test_a_connection_that_breaks_is_told_and_mended(world):
    world.begin()
    world.api.paths[PODS] = status(400, "BadRequest", "not now")
    world.send(PODS, "abort")
    until(lambda: world.watched.trouble)
    assert world.told == 1
    world.api.paths[PODS] = world.collections[PODS]
    until(lambda: not world.watched.trouble)
    until(lambda: world.told == 2)


def test_a_namespace_that_comes_later_is_watched_too(world):
    world.begin()
    late = Collection({**made("Pod", "late"), "metadata": {"name": "late", "namespace": "m"}})
    world.api.paths["/api/v1/namespaces/m/pods"] = late
    world.send(SPACES, {"type": "ADDED", "object": made("Namespace", "m", "9")})
    until(lambda: world.names()["late"] == 1)
    late.send(world.api, None)
    until(lambda: world.watched.whole)
    world.api.paths["/api/v1/namespaces/m/pods"] = status(404, "NotFound")


def test_a_kind_that_one_may_not_watch_is_left_out_unless_nothing_can_be_said_without_it(world):
    world.api.paths[MAPS] = status(403, "Forbidden", "configmaps is forbidden")
    world.collections.pop(MAPS)
    world.begin()
    assert world.watched.refusal is None
    world.api.paths[PODS] = status(403, "Forbidden", "pods is forbidden: cannot watch")
    world.send(PODS, "abort")
    until(lambda: world.watched.refusal)
    assert "cannot watch" in world.watched.refusal.message


def test_the_gist_of_a_recorded_world_is_all_but_diaries():
    pod = making.pod(annotations={"a": "b"}, resourceVersion="7", managedFields=[{}])
    assert gist(pod)["metadata"]["annotations"] == {"a": "b"}
    assert not gist(pod)["metadata"].keys() & {"resourceVersion", "managedFields"}
    ready, lost = gist(making.node()), gist(making.node(ready=False))
    assert ready != lost
