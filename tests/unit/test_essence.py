"""What somebody decided about an object, and what only happened to it."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

import making
from vlab.essence import capacity, essence, essences, follows, identity, taints


def changed(found, **metadata):
    return {**copy.deepcopy(found), "metadata": {**found["metadata"], **metadata}}


@pytest.mark.parametrize(
    "metadata",
    [
        {"uid": "2", "resourceVersion": "9", "generation": 7, "creationTimestamp": "x", "managedFields": [1]},
        {"annotations": {"deployment.kubernetes.io/revision": "2"}},
        {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}},
        {"finalizers": ["kubernetes.io/pvc-protection"]},
        {"labels": {}},
    ],
)
def test_what_happened_to_an_object_is_not_its_essence(metadata):
    found = making.workload()
    assert essence(changed(found, **metadata)) == essence(found)
    assert essence({**found, "status": {"anything": 1}}) == essence(found)


@pytest.mark.parametrize("metadata", [{"labels": {"a": "1"}}, {"annotations": {"team": "x"}}])
def test_labels_and_annotations_are_decisions(metadata):
    assert essence(changed(making.workload(), **metadata)) != essence(making.workload())


def test_what_a_controller_fills_in_is_no_decision():
    assigned = making.service(clusterIP="10.96.0.1", clusterIPs=["10.96.0.1"])
    assert essence(assigned) == essence(making.service())
    assert essence(making.service(type="ExternalName")) != essence(making.service())


def test_of_a_node_labels_taints_cordon_and_gpus_are_decisions():
    was = making.node()
    taint = {"key": "mine", "effect": "NoSchedule"}
    assert essence(making.node(unschedulable=True)) != essence(was)
    assert essence(making.node(taints=[taint])) != essence(was)
    assert essence(making.node(gpus=4)) != essence(was)
    assert essence(changed(was, labels={})) != essence(was)
    assert essence(changed(was, annotations={"ttl": "0"})) == essence(was)
    assert essence(making.node(podCIDR="10.1.0.0/24", unschedulable=False)) == essence(was)


def test_what_kubernetes_taints_by_itself_is_no_decision_of_anybody():
    own = {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute", "timeAdded": "now"}
    mine = {"key": "mine", "effect": "NoSchedule", "timeAdded": "now"}
    assert taints(making.node(taints=[own, mine])) == [{"key": "mine", "effect": "NoSchedule"}]
    assert taints(making.node(taints=None)) == []


def test_none_of_a_resource_is_not_having_it():
    assert capacity(making.node(gpus=0)) == {}
    assert capacity(making.node(gpus=2)) == {"nvidia.com/gpu": "2"}


def test_what_follows_from_another_object_has_no_essence_of_its_own():
    owner = making.workload()
    own = making.pod(owner=owner)
    assert follows(own)
    assert list(essences([owner, own])) == [identity(owner)]


def test_objects_of_one_name_in_two_namespaces_are_two():
    here, there = making.workload(), making.workload()
    there["metadata"]["namespace"] = "other"
    assert len(essences([here, there])) == 2


taint = st.fixed_dictionaries({"key": st.sampled_from("ab"), "effect": st.sampled_from(["NoSchedule", "NoExecute"])})


@given(st.lists(taint, unique_by=lambda t: (t["key"], t["effect"])), st.randoms())
def test_the_order_of_taints_says_nothing(found, draw):
    mixed = list(found)
    draw.shuffle(mixed)
    assert essence(making.node(taints=mixed)) == essence(making.node(taints=found))
