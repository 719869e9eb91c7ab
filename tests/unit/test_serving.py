"""What serves: from the Service and port of the brief to the ready pods behind it, and to what owns them."""

import pytest

import making
from vlab.serving import container, extended, incomplete, serving, top_of


def names(found):
    return [p["metadata"]["name"] for p in found.pods]


def behind(*objects):
    return serving(objects, making.HERE)


ONE = making.pod()


def test_a_deployment_that_is_whole():
    found = serving(making.deployed(), making.HERE)
    assert names(found) == ["vllm-server-1"]
    assert found.urls == {"vllm-server-1": "http://10.0.0.1:8000"}
    (owner,) = found.owners
    assert (owner.kind, owner.name, incomplete(owner)) == ("Deployment", "vllm-server", "")
    assert found.strangers == ()


def test_a_service_without_pods_leads_nowhere():
    found = behind(making.service(), making.endpoints(), ONE)
    assert (found.doors[0].service is not None, found.pods, found.owners) == (True, (), ())


def test_without_the_service_of_the_brief_nothing_serves():
    other = making.service()
    other["metadata"]["name"] = "vllm"
    elsewhere = making.service()
    elsewhere["metadata"]["namespace"] = "other"
    assert behind(other, elsewhere, ONE, making.endpoints(making.endpoint(ONE))).doors[0].service is None


@pytest.mark.parametrize("port", [{"name": "http", "port": 9000}, {"name": "http", "port": 8000, "protocol": "UDP"}])
def test_without_the_port_of_the_brief_nothing_serves(port):
    found = behind(making.service(port), ONE, making.endpoints(making.endpoint(ONE)))
    assert (found.doors[0].port, found.pods) == (None, ())


def test_one_more_port_listed_first_is_not_in_the_way():
    ports = [{"name": "metrics", "port": 9090, "targetPort": 9090}, {"name": "http", "port": 8000, "targetPort": 80}]
    slice_ = making.endpoints(making.endpoint(ONE))
    slice_["ports"] = [{"name": "metrics", "port": 9090}, {"name": "http", "port": 80}]
    found = behind(making.service(*ports), ONE, slice_)
    assert found.ports == {"vllm-server-1": 80}


def test_one_port_needs_no_name():
    found = behind(making.service({"port": 8000}), ONE, making.endpoints(making.endpoint(ONE), name=None))
    assert names(found) == ["vllm-server-1"]


def test_a_named_target_port_may_be_another_number_in_each_pod():
    two = making.pod("vllm-server-2", address="10.0.0.2")
    second = making.endpoints(making.endpoint(two, "10.0.0.2"), port=8001)
    found = behind(making.service(), ONE, two, making.endpoints(making.endpoint(ONE)), second)
    assert found.ports == {"vllm-server-1": 8000, "vllm-server-2": 8001}


def test_an_external_name_has_no_pods():
    external = making.service(type="ExternalName", externalName="elsewhere.example")
    external["spec"].pop("ports")
    found = behind(external, ONE)
    assert (found.doors[0].service, found.doors[0].port, found.pods) == (external, None, ())


@pytest.mark.parametrize(
    ("pod", "address"),
    [(None, "10.0.0.1"), (ONE, "10.0.0.66"), (making.pod("elsewhere"), "10.0.0.1")],
    ids=["without targetRef", "address of another pod", "a pod that is not of this namespace"],
)
def test_an_endpoint_that_is_no_pod_of_here_is_a_stranger(pod, address):
    found = behind(making.service(), ONE, making.endpoints(making.endpoint(pod, address)))
    assert (names(found), found.strangers) == ([], (f"{address}:8000",))


@pytest.mark.parametrize(("ready", "count"), [(True, 1), (None, 1), (False, 0)])
def test_only_ready_endpoints_serve_and_not_to_say_is_ready(ready, count):
    found = behind(making.service(), ONE, making.endpoints(making.endpoint(ONE, ready=ready)))
    assert len(found.pods) == count
    assert found.strangers == ()


def test_a_pod_that_is_published_though_not_ready_does_not_serve():
    loading = making.pod(ready=False)
    found = behind(making.service(), loading, making.endpoints(making.endpoint(loading)))
    assert (found.pods, found.strangers) == ((), ())


def test_a_pod_on_its_way_out_does_not_serve():
    leaving = making.pod(deletionTimestamp="now")
    found = behind(making.service(), leaving, making.endpoints(making.endpoint(leaving)))
    assert (found.pods, found.strangers) == ((), ())


def test_an_address_of_ipv6_is_in_brackets():
    six = making.pod(address="fd00::1")
    found = behind(making.service(), six, making.endpoints(making.endpoint(six, "fd00::1")))
    assert found.urls == {"vllm-server-1": "http://[fd00::1]:8000"}


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet", "ReplicaSet", "LeaderWorkerSet"])
def test_the_owner_may_be_of_any_kind(kind):
    owner = making.workload(kind)
    one = making.pod(owner=owner)
    (found,) = behind(owner, one, making.service(), making.endpoints(making.endpoint(one))).owners
    assert (found.kind, found.found) == (kind, owner)


def test_a_bare_pod_owns_itself():
    (owner,) = behind(ONE, making.service(), making.endpoints(making.endpoint(ONE))).owners
    assert (owner.kind, owner.name, incomplete(owner)) == ("Pod", "vllm-server-1", "")


def test_an_owner_that_this_cluster_did_not_show_lacks_nothing():
    one = making.pod(owner=making.workload("Rollout"))
    (owner,) = behind(one, making.service(), making.endpoints(making.endpoint(one))).owners
    assert (owner.kind, owner.found, incomplete(owner)) == ("Rollout", None, "")


def test_a_reference_that_controls_nothing_is_no_owner():
    one = making.pod(owner=making.workload())
    one["metadata"]["ownerReferences"][0]["controller"] = False
    assert top_of(one, {})["kind"] == "Pod"


def test_owners_in_a_circle_end():
    first, second = making.workload("A", "a"), making.workload("B", "b")
    first["metadata"] = making.metadata("a", owner=second)
    second["metadata"] = making.metadata("b", owner=first)
    assert top_of(first, {o["metadata"]["uid"]: o for o in (first, second)})["kind"] in ("A", "B")


def lacking(kind, labels=None, wanted=1, **status):
    owner = making.workload(kind, **status)
    owner["spec"]["replicas"] = wanted
    one = making.pod(owner=owner, labels={**making.APP, **(labels or {})})
    (found,) = behind(owner, one, making.service(), making.endpoints(making.endpoint(one))).owners
    return incomplete(found)


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [
        ("Deployment", {"observedGeneration": 0}, "a change that its controller has not seen yet"),
        ("Deployment", {"updatedReplicas": 0}, "1 updated, has 0"),
        ("Deployment", {"readyReplicas": 0}, "1 ready, has 0"),
        ("Deployment", {"availableReplicas": 0}, "1 available, has 0"),
        ("Deployment", {"replicas": 2}, "1 replicas, not 2: old ones are kept"),
        ("ReplicaSet", {"readyReplicas": 0}, "1 ready, has 0"),
        ("ReplicationController", {"readyReplicas": 0}, "1 ready, has 0"),
        ("DaemonSet", {"desiredNumberScheduled": 2, "updatedNumberScheduled": 1, "numberReady": 2}, "2 updated, has 1"),
        ("DaemonSet", {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberReady": 1}, "2 ready, has 1"),
        ("DaemonSet", {"desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberReady": 1}, ""),
        ("Deployment", {}, ""),
        ("LeaderWorkerSet", {"readyReplicas": 0}, ""),
    ],
)
def test_what_an_owner_lacks(kind, status, words):
    assert lacking(kind, **status) == words


def test_a_paused_deployment_whose_template_no_pod_follows_is_incomplete():
    assert lacking("Deployment", updatedReplicas=0) == "1 updated, has 0"


def test_more_replicas_than_are_ready_are_incomplete():
    assert lacking("Deployment", wanted=2) == "2 updated, has 1"


@pytest.mark.parametrize(("revision", "words"), [("new", ""), ("old", "1 updated, has 0")])
def test_a_stateful_set_is_judged_by_the_revision_of_its_pods(revision, words):
    assert lacking("StatefulSet", {"controller-revision-hash": revision}, updateRevision="new") == words


def test_a_container_comes_with_its_status():
    assert container(ONE, "vllm")["status"]["imageID"] == making.IMAGE
    without = {"spec": ONE["spec"]}
    assert container(without, "vllm")["status"] == {}


def test_extended_resources_are_summed_over_containers():
    two = making.pod("p", making.engine_container(2), making.engine_container(1, "more"), {"name": "none"})
    assert extended(two) == {"nvidia.com/gpu": 3}
    assert extended(making.pod("p", {"name": "c", "resources": {"limits": {"cpu": "1"}}})) == {}
