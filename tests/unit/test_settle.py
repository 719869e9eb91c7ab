"""When a deployment has settled: all ready, or stuck in a way that waiting does not change."""

from datetime import UTC, datetime, timedelta

import pytest

from vlab.settle import Limits, moving

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(objects, seconds=5):
    return moving(objects, START + timedelta(seconds=seconds), "n", Limits(creating=60, starting=240))


def deployment(**more):
    status = {"observedGeneration": 2, "updatedReplicas": 1, **more.pop("status", {})}
    spec = {"replicas": 1}
    return {"kind": "Deployment", "metadata": {"name": "d", "generation": 2, **more}, "spec": spec, "status": status}


def pod(conditions=(), containers=(), phase="Running", **metadata):
    return {
        "kind": "Pod",
        "metadata": {"name": "p", **metadata},
        "status": {
            "phase": phase,
            "conditions": [{"type": t, "status": s, "lastTransitionTime": START.isoformat()} for t, s in conditions],
            "containerStatuses": list(containers),
        },
    }


READY = pod([("PodScheduled", "True"), ("Ready", "True")])
UNSCHEDULABLE = pod([("PodScheduled", "False")], phase="Pending")
CRASHING = pod(
    [("PodScheduled", "True"), ("Ready", "False")],
    [{"restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}],
)
RUNNING = {"running": {"startedAt": START.isoformat()}}
CRASHED_ONCE = pod([("Ready", "False")], [{"restartCount": 1, "state": RUNNING}])
NO_IMAGE = pod([("Ready", "False")], [{"restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff"}}}])
LOADING = pod(
    [("PodScheduled", "True"), ("Ready", "False")],
    [{"restartCount": 0, "state": {"running": {"startedAt": START.isoformat()}}}],
)
CREATING = pod([("Ready", "False")], [{"restartCount": 0, "state": {"waiting": {"reason": "ContainerCreating"}}}])
REFUSED = pod(phase="Failed")


@pytest.mark.parametrize("stays", [READY, UNSCHEDULABLE, CRASHING, NO_IMAGE, REFUSED])
def test_what_stays_as_it_is_has_settled(stays):
    assert at([deployment(), stays]) is None


@pytest.mark.parametrize(
    "moves",
    [
        LOADING,
        CRASHED_ONCE,
        CREATING,
        pod(phase="Pending"),
        READY | {"metadata": {"name": "p", "deletionTimestamp": "now"}},
    ],
)
def test_what_is_on_its_way_has_not(moves):
    assert "p is" in at([deployment(), moves])


def test_a_change_that_the_controller_has_not_seen_is_waited_for():
    assert at([deployment(status={"observedGeneration": 1}), READY]) == "d has a change that is not seen yet"


def test_a_rollout_is_waited_for_unless_it_cannot_make_pods():
    assert at([deployment(status={"updatedReplicas": 0}), READY]) == "d is being rolled out"
    stuck = {"updatedReplicas": 0, "conditions": [{"type": "ReplicaFailure", "status": "True"}]}
    assert at([deployment(status=stuck), READY]) is None


def test_a_pod_that_gets_no_container_for_long_is_stuck():
    stuck = pod([("PodScheduled", "True")], CREATING["status"]["containerStatuses"], phase="Pending")
    assert at([deployment(), stuck], seconds=59) == "p is starting"
    assert at([deployment(), stuck], seconds=61) is None
    assert at([deployment(), LOADING], seconds=200) == "p is starting"


def test_an_empty_namespace_has_settled():
    assert at([]) is None
