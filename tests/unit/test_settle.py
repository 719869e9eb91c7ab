"""When a deployment has settled: all ready, or stuck in a way that waiting does not change."""

import copy
from datetime import UTC, datetime, timedelta

import pytest

import making
from vlab.cluster import lab as labs
from vlab.cluster.refusals import NoAnswer
from vlab.settings import SERVICE
from vlab.settle import Limits, ending, lost, moving, settle, unseen

START = datetime(2026, 1, 1, tzinfo=UTC)
LIMITS = Limits(creating=60, starting=150)


def at(objects, seconds=5, limits=LIMITS):
    return moving(objects, START + timedelta(seconds=seconds), making.HERE, limits, (SERVICE,))


def pod(conditions=(), containers=(), phase="Running", **metadata):
    return {
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": making.HERE, **metadata},
        "spec": {"containers": [], "nodeName": "worker-1"},
        "status": {
            "phase": phase,
            "conditions": [{"type": t, "status": s, "lastTransitionTime": START.isoformat()} for t, s in conditions],
            "containerStatuses": list(containers),
        },
    }


def running(restarts=0, **more):
    return {"restartCount": restarts, "state": {"running": {"startedAt": START.isoformat()}}, **more}


def waiting(reason, restarts=0, lasted=None):
    found = {"restartCount": restarts, "state": {"waiting": {"reason": reason}}}
    if lasted is not None:
        times = {"startedAt": START.isoformat(), "finishedAt": (START + timedelta(seconds=lasted)).isoformat()}
        found["lastState"] = {"terminated": times}
    return found


PLACED = [("PodScheduled", "True"), ("Ready", "False")]
READY = pod([("PodScheduled", "True"), ("Ready", "True")])
UNSCHEDULABLE = pod([("PodScheduled", "False")], phase="Pending")
CRASHING = pod(PLACED, [waiting("CrashLoopBackOff", restarts=2, lasted=9)])
NO_IMAGE = pod(PLACED, [waiting("ImagePullBackOff")])
NO_CONFIG = pod(PLACED, [waiting("CreateContainerConfigError")])
LOADING = pod(PLACED, [running()])
CREATING = pod(PLACED, [waiting("ContainerCreating")], phase="Pending")


@pytest.mark.parametrize("stays", [READY, UNSCHEDULABLE, CRASHING, NO_IMAGE, NO_CONFIG, pod(phase="Failed")])
def test_what_stays_as_it_is_has_settled(stays):
    assert at([making.workload(), stays]) is None


@pytest.mark.parametrize("moves", [LOADING, CREATING, pod(phase="Pending"), pod(deletionTimestamp="now")])
def test_what_is_on_its_way_has_not(moves):
    assert "p is" in at([making.workload(), moves])


def test_a_container_that_ended_once_may_have_been_killed_and_is_waited_for():
    assert at([pod(PLACED, [running(restarts=1)])]) == "p is starting"
    assert at([pod(PLACED, [waiting("ContainerCreating", restarts=1, lasted=9)])]) == "p is starting again"


def test_where_nobody_is_patient_one_end_is_enough():
    assert at([pod(PLACED, [running(restarts=1)])], limits=Limits(patient=False)) is None


@pytest.mark.parametrize(("lasted", "words"), [(9, None), (119, None), (121, "p is starting again")])
def test_back_off_means_stuck_after_a_short_life_and_not_after_a_long_one(lasted, words):
    assert at([pod(PLACED, [waiting("CrashLoopBackOff", restarts=2, lasted=lasted)])]) == words


def test_an_init_container_that_cannot_start_is_stuck_too():
    stuck = pod(PLACED, [waiting("PodInitializing")], phase="Pending")
    stuck["status"]["initContainerStatuses"] = [waiting("CrashLoopBackOff", restarts=3, lasted=1)]
    assert at([stuck]) is None


def test_a_pod_that_gets_no_container_for_long_is_stuck():
    assert at([CREATING], seconds=59) == "p is starting"
    assert at([CREATING], seconds=61) is None


def test_an_engine_that_does_not_become_ready_for_long_is_stuck():
    assert at([LOADING], seconds=149) == "p is starting"
    assert at([LOADING], seconds=151) is None


def test_ages_are_counted_by_the_clock_of_the_cluster_whatever_ours_says():
    an_hour_off = timedelta(hours=1)
    loading = pod(PLACED, [{"restartCount": 0, "state": {"running": {"startedAt": (START - an_hour_off).isoformat()}}}])
    assert (
        moving([loading], START - an_hour_off + timedelta(seconds=5), making.HERE, LIMITS, (SERVICE,))
        == "p is starting"
    )


def test_bystanders_are_not_waited_for_when_the_service_is_whole():
    assert at([*making.deployed(), LOADING]) is None
    less = [o for o in making.deployed() if o["kind"] != "EndpointSlice"]
    assert at([*less, LOADING]) == "p is starting"


def dying(age, lasted=9):
    objects = making.deployed()
    (container,) = next(o for o in objects if o["kind"] == "Pod")["status"]["containerStatuses"]
    ended = waiting("", restarts=1, lasted=lasted)["lastState"]
    began = {"running": {"startedAt": (START + timedelta(seconds=5 - age)).isoformat()}}
    container |= {"restartCount": 1, "lastState": ended, "state": began}
    return at(objects)


def test_a_server_that_died_young_must_outlive_that_before_it_is_judged():
    assert dying(age=10) == "vllm-server-1 ended after 9 s before, and has not outlived that"
    assert dying(age=60) is None
    assert dying(age=1, lasted=3600) is None


def test_what_ends_is_waited_for_even_beside_a_server_that_is_whole():
    leak = making.pod("leak", namespace="last-week", deletionTimestamp="now")
    assert at([*making.deployed(), leak]) == "leak is ending"
    assert ending(making.deployed()) is None


def test_a_change_that_the_controller_has_not_seen_is_waited_for():
    assert at([making.workload(observedGeneration=0), READY]) == "vllm-server has a change that is not seen yet"


def test_a_rollout_is_waited_for_unless_it_cannot_make_pods_or_is_paused():
    rolling = making.workload(updatedReplicas=0)
    assert at([rolling, READY]) == "vllm-server is being rolled out"
    rolling["status"]["conditions"] = [{"type": "ReplicaFailure", "status": "True"}]
    assert unseen([rolling]) is None
    paused = making.workload(updatedReplicas=0)
    paused["spec"]["paused"] = True
    assert unseen([paused]) is None


def test_a_replica_set_that_makes_no_pods_yet_is_waited_for_unless_it_cannot():
    making_pods = making.workload("ReplicaSet", "rs", replicas=0)
    assert unseen([making_pods]) == "rs is making pods"
    making_pods["status"]["conditions"] = [{"type": "ReplicaFailure", "status": "True"}]
    assert unseen([making_pods]) is None


def test_a_stateful_set_makes_one_pod_after_the_other():
    owner = making.workload("StatefulSet")
    owner["spec"]["replicas"] = 2
    assert at([owner]) == "vllm-server is making pods"
    assert at([owner, making.pod(owner=owner)]) == "vllm-server is making pods"
    stuck = making.pod(owner=owner, ready=False)
    assert at([owner, stuck], seconds=200) is None
    unseen_yet = making.workload("StatefulSet", observedGeneration=0)
    assert at([unseen_yet]) == "vllm-server has a change that is not seen yet"


def test_a_node_that_is_not_ready_is_waited_for_where_its_pods_count():
    objects = [making.pod()]
    nodes = [making.node(ready=False), making.node("worker-2")]
    assert lost(nodes, objects, every=False) == "node worker-1 is not ready"
    elsewhere = [making.node(), making.node("worker-2", ready=False)]
    assert lost(elsewhere, objects, every=False) is None
    assert lost(elsewhere, objects, every=True) == "node worker-2 is not ready"


def test_an_empty_namespace_has_settled():
    assert at([]) is None


class Cluster:
    """A cluster that shows these objects, and fails so many calls before."""

    def __init__(self, *objects, failing=0):
        self.objects = objects
        self.failing = failing

    def now(self):
        if self.failing:
            self.failing -= 1
            raise NoAnswer("the API server does not answer")
        return START + timedelta(seconds=5)

    def items(self, plurals, namespace=None, **wanted):  # noqa: ARG002 - it shows one namespace, whole
        kinds = {"namespaces": "Namespace", "nodes": "Node", "pods": "Pod"}
        only = {kinds[plurals]} if plurals in kinds else {o["kind"] for o in self.objects} - {"Namespace", "Node"}
        return [o for o in self.objects if o["kind"] in only]


LAB = labs.new("x", "kind-built", None, "cpu", 4, "kind-x")


def settled(*objects, patience=60.0, failing=0):
    said = []
    found = settle(Cluster(*objects, failing=failing), LAB, making.HERE, said.append, (SERVICE,), patience, LIMITS)
    return found.moving, said


def test_one_call_that_failed_is_looked_at_again_and_ends_no_grading():
    assert settled(*making.deployed(), failing=1) == ("", ["the API server does not answer", ""])


def test_what_still_moves_when_patience_is_over_is_said():
    less = [o for o in making.deployed() if o["kind"] not in ("EndpointSlice", "Pod")]
    assert settled(*less, LOADING, patience=0.0)[0] == "p is starting"
    assert settled(*making.deployed(), failing=10, patience=0.0)[0] == "the API server does not answer"


def test_a_node_that_is_lost_is_waited_for():
    objects = [o for o in making.deployed() if o["kind"] != "Node"]
    assert settled(*objects, making.node(ready=False), patience=0.0)[0] == "node worker-1 is not ready"


def test_what_the_scheduler_found_no_room_for_is_tried_once_more():
    assert settled(making.space(), making.node(), UNSCHEDULABLE, patience=0.0)[0] == "the scheduler may try once more"
    assert settled(making.space(), making.node(gpus=0), greedy())[0] == ""


def greedy():
    found = copy.deepcopy(UNSCHEDULABLE)
    found["spec"] = {"containers": [making.engine_container(4)]}
    return found


def test_a_pod_that_waits_beside_a_server_that_is_whole_is_not_waited_for():
    assert settled(*making.deployed(), greedy())[1] == [""]


def test_a_namespace_that_ends_is_waited_for_before_its_pods_do():
    leak = making.space("last-week")
    leak["metadata"]["deletionTimestamp"] = "now"
    assert settled(*making.deployed(), leak, patience=0.0)[0] == "last-week is ending"
