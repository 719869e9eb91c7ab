"""Serving begins at the brief's Service and port: its ready endpoints, their pods, and what owns those."""

import pytest

from vlab.serving import incomplete, serving

READY = [{"type": "Ready", "status": "True"}]


def pod(name="a", ip="10.0.0.1", owner=None, ready=True, **metadata):
    references = [{"kind": owner[0], "name": owner[1], "uid": owner[1], "controller": True}] if owner else []
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "n", "uid": name, "ownerReferences": references, **metadata},
        "spec": {"containers": [{"name": "vllm"}]},
        "status": {"podIP": ip, "conditions": READY if ready else []},
    }


def service(ports=((8000, "http"),), **spec):
    listed = [{"port": p, "name": n} for p, n in ports]
    return {"kind": "Service", "metadata": {"name": "vllm-server", "namespace": "n"}, "spec": {"ports": listed, **spec}}


def endpoints(*pods, ports=((8000, "http"),), ready=True, name="s"):
    return {
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": "n", "labels": {"kubernetes.io/service-name": "vllm-server"}},
        "ports": [{"port": p, "name": n} for p, n in ports],
        "endpoints": [
            {
                "addresses": [ip],
                "conditions": {"ready": ready},
                "targetRef": {"kind": "Pod", "name": name} if name else None,
            }
            for name, ip in pods
        ],
    }


def names(found):
    return [p["metadata"]["name"] for p in found.pods]


def test_the_ready_pods_behind_the_port_serve():
    found = serving([service(), endpoints(("a", "10.0.0.1")), pod()], "n")
    assert names(found) == ["a"]
    assert found.urls == {"a": "http://10.0.0.1:8000"}


def test_one_more_port_listed_first_decides_nothing():
    ports = ((9090, "metrics"), (8000, "http"))
    slices = endpoints(("a", "10.0.0.1"), ports=((9000, "metrics"), (8080, "http")))
    assert serving([service(ports), slices, pod()], "n").urls == {"a": "http://10.0.0.1:8080"}


@pytest.mark.parametrize(
    "objects",
    [
        [endpoints(("a", "10.0.0.1")), pod()],
        [service(((9000, "http"),)), endpoints(("a", "10.0.0.1")), pod()],
        [service(), pod()],
        [service(), endpoints(("a", "10.0.0.1"), ready=False), pod()],
        [service(), endpoints(("a", "10.0.0.1")), pod(deletionTimestamp="now")],
        [service(), endpoints(("a", "10.0.0.1")), pod(ready=False)],
        [service(), endpoints(("a", "10.0.0.1")), pod() | {"metadata": {**pod()["metadata"], "namespace": "other"}}],
    ],
    ids=[
        "no Service",
        "another port",
        "no endpoints",
        "not ready",
        "ending",
        "published though not ready",
        "elsewhere",
    ],
)
def test_what_is_not_ready_behind_the_address_serves_nobody(objects):
    assert names(serving(objects, "n")) == []


def test_an_endpoint_that_is_no_pod_of_this_namespace_is_a_stranger():
    assert serving([service(), endpoints(("", "10.9.9.9"))], "n").strangers == ("10.9.9.9:8000",)
    assert serving([service(), endpoints(("a", "10.9.9.9")), pod()], "n").strangers == ("10.9.9.9:8000",)


def test_owners_are_climbed_to_the_top():
    deployment = {"kind": "Deployment", "metadata": {"name": "d", "uid": "d", "namespace": "n"}}
    reference = {"kind": "Deployment", "name": "d", "uid": "d", "controller": True}
    replicas = {
        "kind": "ReplicaSet",
        "metadata": {"name": "r", "uid": "r", "namespace": "n", "ownerReferences": [reference]},
    }
    objects = [service(), endpoints(("a", "10.0.0.1")), pod(owner=("ReplicaSet", "r")), replicas, deployment]
    (owner,) = serving(objects, "n").owners
    assert (owner.kind, owner.name, owner.found) == ("Deployment", "d", deployment)


@pytest.mark.parametrize("kind", ["LeaderWorkerSet", "StatefulSet"])
def test_an_owner_of_a_kind_that_was_not_shown_is_one_too(kind):
    (owner,) = serving([service(), endpoints(("a", "10.0.0.1")), pod(owner=(kind, "x"))], "n").owners
    assert (owner.kind, owner.found) == (kind, None)
    assert incomplete(owner) == ""


def test_a_bare_pod_owns_itself():
    (owner,) = serving([service(), endpoints(("a", "10.0.0.1")), pod()], "n").owners
    assert (owner.kind, owner.name) == ("Pod", "a")
    assert incomplete(owner) == ""


def deployed(status, **spec):
    of = {
        "kind": "Deployment",
        "metadata": {"name": "d", "uid": "d", "namespace": "n", "generation": 2},
        "spec": {"replicas": 1, **spec},
        "status": {"observedGeneration": 2, **status},
    }
    objects = [service(), endpoints(("a", "10.0.0.1")), pod(owner=("Deployment", "d")), of]
    (owner,) = serving(objects, "n").owners
    return incomplete(owner)


WHOLE = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}


def test_a_deployment_is_whole_only_in_its_current_revision():
    assert deployed(WHOLE) == ""
    assert "old ones are kept" in deployed({**WHOLE, "replicas": 2})
    assert deployed({**WHOLE, "updatedReplicas": 0}, paused=True) == "1 updated, has 0"
    assert deployed(WHOLE, replicas=2) == "2 updated, has 1"
    assert "not seen" in deployed({**WHOLE, "observedGeneration": 1})


def test_a_stateful_set_with_pods_of_an_old_revision_is_not_whole():
    def of(revision):
        own = pod(owner=("StatefulSet", "s"), labels={"controller-revision-hash": revision})
        found = {
            "kind": "StatefulSet",
            "metadata": {"name": "s", "uid": "s", "namespace": "n"},
            "spec": {"replicas": 1},
            "status": {"readyReplicas": 1, "updateRevision": "new"},
        }
        (owner,) = serving([service(), endpoints(("a", "10.0.0.1")), own, found], "n").owners
        return incomplete(owner)

    assert of("new") == ""
    assert of("old") == "1 updated, has 0"
