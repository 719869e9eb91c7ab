"""What graders expect, one expectation after the other: it holds, it does not, or it cannot be told."""

import copy

import pytest

import making
from vlab.evidence import CannotTell
from vlab.evidence.api import Counters
from vlab.grading import Mismatch
from vlab.grading import expectations as e
from vlab.grading.views import Engine
from vlab.serving import Owner, container, serving
from vlab.settings import NAMED_ITS_NODE
from vlab.witness import reference

INSIDE = making.inside()


def engine(pod=None, name="vllm", inside=INSIDE, listener=making.SERVER):
    pod = pod or making.pod()
    return Engine(pod, container(pod, name), inside, listener)


def of(**container):
    return engine(making.pod("vllm-server-1", making.engine_container(**container)))


# An answer


def test_an_answer_with_status_200_is_one():
    e.expect_answered(making.answer())


def test_nobody_to_ask_is_no_verdict():
    with pytest.raises(CannotTell, match="nothing was ready"):
        e.expect_answered(None)


@pytest.mark.parametrize("error", ["timeout", "cut", "unreachable", "unknown-name"])
def test_a_killed_tunnel_or_a_slow_machine_is_an_error_and_no_fail(error):
    with pytest.raises(CannotTell, match=error):
        e.expect_answered(making.answer(status=None, error=error))


def test_a_refusal_to_the_last_is_a_fail():
    with pytest.raises(Mismatch, match="an answer from the Service, found the connection was refused"):
        e.expect_answered(making.answer(status=None, error="refused"))


@pytest.mark.parametrize("error", ["garbage", "endless"])
def test_an_answer_that_is_none_is_a_fail(error):
    with pytest.raises(Mismatch, match=f"pod a, found {error}: what came"):
        e.expect_answered(making.answer("a", status=None, error=error, detail="what came"))


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_a_status_that_is_not_200_is_a_fail(status):
    with pytest.raises(Mismatch, match=f"status {status}: busy"):
        e.expect_answered(making.answer(status=status, body="busy"))


def test_an_engine_that_asks_for_a_key_is_a_fail_with_a_word_about_it():
    with pytest.raises(Mismatch) as caught:
        e.expect_answered(making.answer(status=401))
    assert "key" in caught.value.help


# The engine itself


def test_a_server_of_the_engines_image_with_its_core_is_the_engine():
    e.expect_engine(engine(), making.asked())


def test_another_image_is_found_out_and_not_asked_where_nobody_knows_the_right_one():
    with pytest.raises(Mismatch, match="the engine's image"):
        e.expect_engine(engine(), making.asked(image_id="sha256:other"))
    e.expect_engine(engine(), making.asked(image_id=""))


def test_a_container_without_python_is_not_the_engine():
    with pytest.raises(Mismatch, match="no such process"):
        e.expect_engine(engine(inside=None, listener=None), making.asked())


@pytest.mark.parametrize("words", [("python3", "-c", "vllm"), ("python3", "-m", "http.server"), ("nginx",)])
def test_a_stand_in_that_listens_is_found_out(words):
    stand_in = making.process(1, "x", *words)
    with pytest.raises(Mismatch, match="a vLLM server that listens"):
        e.expect_engine(engine(inside=making.inside(stand_in, making.CORE), listener=stand_in), making.asked())


def test_a_server_without_a_core_is_a_fail():
    with pytest.raises(Mismatch, match="an engine's core beside the server"):
        e.expect_engine(engine(inside=making.inside(making.SERVER, making.process(7, "sh"))), making.asked())


# What the engines counted


def counted(**more):
    counters = making.asked().counters["vllm-server-1"]
    return {"vllm-server-1": Counters(before=counters.before, after={**counters.after, **more})}


def test_counters_that_rise_by_what_was_asked_are_right_and_by_more_too():
    e.expect_counted(making.asked())
    e.expect_counted(making.asked(counters=counted(**{making.COUNTERS[0]: 90.0})))


@pytest.mark.parametrize("name", making.COUNTERS)
def test_counters_that_do_not_rise_are_found_out(name):
    with pytest.raises(Mismatch, match=f"{name} of the engine"):
        e.expect_counted(making.asked(counters=counted(**{name: 0.0})))


def test_a_pod_that_counts_its_own_question_only_is_not_all_that_answered():
    counters = counted(**{making.COUNTERS[0]: 1.0})
    with pytest.raises(Mismatch, match="engines together to rise by 3"):
        e.expect_counted(making.asked(counters=counters))


def test_an_engine_without_counters_is_found_out():
    for found in ({}, {"vllm-server-1": Counters(before={}, after={})}):
        with pytest.raises(Mismatch, match="request_success_total"):
            e.expect_counted(making.asked(counters=found))


def test_an_engine_that_was_restarted_while_it_was_asked_is_no_verdict():
    with pytest.raises(CannotTell, match="is not what it was"):
        e.expect_counted(making.asked(counters={}, unsteady="vllm-server-1 was there, and is not what it was"))


def test_questions_that_nobody_answered_are_no_verdict_unless_it_refused_before():
    with pytest.raises(CannotTell, match="no question was answered in time"):
        e.expect_counted(making.asked(answers=(), counters={}))
    with pytest.raises(Mismatch, match="status 401"):
        e.expect_counted(making.asked(answers=(), counters={}, models=making.answer(status=401)))


# The model


def test_what_the_weights_find_probable_is_the_model():
    e.expect_most_probable(making.asked())


def test_another_models_gaps_are_found_out():
    with pytest.raises(Mismatch, match=r"a token that it finds 5\.0 nats less probable"):
        e.expect_most_probable(making.asked(gaps=((0.0, 0.1), (3.0, 5.0), (0.0,))))


def test_a_token_that_rounding_changed_is_not_another_model_and_one_in_twelve_that_is_far_away_is():
    e.expect_most_probable(making.asked(gaps=((0.0, 0.0, 0.0, 0.2), (0.0,), (0.0,))))
    with pytest.raises(Mismatch, match=r"2\.0 nats"):
        e.expect_most_probable(making.asked(gaps=((0.0,), (*[0.0] * 11, 2.0), (0.0,))))


def test_a_token_that_the_model_does_not_have_is_a_fail_and_no_doubt():
    with pytest.raises(Mismatch, match="less probable"):
        e.expect_most_probable(making.asked(gaps=((0.0,), (reference.IMPOSSIBLE,), (0.0,))))


def test_answers_without_their_tokens_are_found_out():
    with pytest.raises(Mismatch, match="answers with their tokens"):
        e.expect_most_probable(making.asked(gaps=((0.0,),)))


def test_weights_that_could_not_be_asked_are_no_verdict():
    with pytest.raises(CannotTell, match="could not be asked: OSError"):
        e.expect_most_probable(making.asked(gaps=(), no_reference="OSError"))


def test_where_there_are_no_weights_nothing_is_compared():
    e.expect_most_probable(making.asked(gaps=(), no_reference="not asked"))


# The deployment around it


ASKING = [
    {"httpGet": {"path": "/health", "port": 8000}},
    {"httpGet": {"path": "/v1/models", "port": "http"}},
    {"tcpSocket": {"port": 8000}},
    {"exec": {"command": ["curl", "-f", "localhost:8000/health"]}},
    {"exec": {"command": ["bash", "-c", "exec 3<>/dev/tcp/localhost/8000"]}},
]


@pytest.mark.parametrize("probe", ASKING)
def test_a_readiness_probe_that_asks(probe):
    e.expect_readiness(of(readinessProbe=probe, ports=[{"name": "http", "containerPort": 8000}]))


ASKING_NOBODY = [
    None,
    {"exec": {"command": ["true"]}},
    {"exec": {"command": ["sh", "-c", "exit 0"]}},
    {"httpGet": {"path": "/health", "port": 9000}},
    {"tcpSocket": {"port": "metrics"}},
]


@pytest.mark.parametrize("probe", ASKING_NOBODY)
def test_a_readiness_probe_that_does_not_ask_the_engine_is_none(probe):
    with pytest.raises(Mismatch, match="a readiness probe"):
        e.expect_readiness(of(readinessProbe=probe, ports=[{"name": "http", "containerPort": 8000}]))


def with_cache(volume, env=(), mount="/cache"):
    mounts = [{"name": "cache", "mountPath": mount}]
    pod = making.pod("vllm-server-1", making.engine_container(volumeMounts=mounts, env=list(env)))
    pod["spec"]["volumes"] = [{"name": "cache", **volume}]
    return engine(pod)


@pytest.mark.parametrize("volume", [{"persistentVolumeClaim": {"claimName": "c"}}, {"hostPath": {"path": "/x"}}])
def test_a_cache_that_outlives_a_pod(volume):
    e.expect_outlives_a_pod(with_cache(volume), "/cache")


def test_the_cache_may_lie_where_the_engines_environment_says():
    moved = with_cache({"nfs": {}}, [{"name": "HF_HOME", "value": "/data/hf"}], "/data")
    e.expect_outlives_a_pod(moved, "/cache")


@pytest.mark.parametrize(("volume", "kind"), [({"emptyDir": {}}, "emptyDir"), ({"ephemeral": {}}, "ephemeral")])
def test_a_cache_that_goes_with_its_pod_is_a_fail(volume, kind):
    with pytest.raises(Mismatch, match=f"found {kind}"):
        e.expect_outlives_a_pod(with_cache(volume), "/cache")


def test_no_volume_for_the_cache_is_a_fail():
    with pytest.raises(Mismatch, match="no volume"):
        e.expect_outlives_a_pod(with_cache({"emptyDir": {}}, mount="/other"), "/cache")


def test_shared_memory_that_is_memory():
    e.expect_own_shared_memory(engine())
    without_volume = engine(making.pod("vllm-server-1", making.engine_container(volumeMounts=[])))
    e.expect_own_shared_memory(without_volume)


def test_shared_memory_on_a_disk_is_a_fail():
    with pytest.raises(Mismatch, match="found ext4"):
        e.expect_own_shared_memory(engine(inside=making.inside(shm="ext4")))
    with pytest.raises(Mismatch, match="found nothing"):
        e.expect_own_shared_memory(engine(inside={**making.inside(), "mounts": []}))


def test_of_two_mounts_at_one_place_the_last_is_seen():
    mounts = [{"path": "/dev/shm", "type": t, "source": t, "root": "/"} for t in ("ext4", "tmpfs")]
    e.expect_own_shared_memory(engine(inside={**making.inside(), "mounts": mounts}))


def test_a_folder_of_the_node_is_not_the_pods_own_memory():
    pod = making.pod()
    pod["spec"]["volumes"] = [{"name": "shm", "hostPath": {"path": "/dev/shm"}}]
    with pytest.raises(Mismatch, match="the node's folder /dev/shm"):
        e.expect_own_shared_memory(engine(pod))


@pytest.mark.parametrize("volume", [{"persistentVolumeClaim": {"claimName": "c"}}, {"csi": {}}])
def test_a_volume_of_another_kind_is_not_the_pods_own_memory(volume):
    pod = making.pod()
    pod["spec"]["volumes"] = [{"name": "shm", **volume}]
    with pytest.raises(Mismatch, match=f"a volume of kind {next(iter(volume))}"):
        e.expect_own_shared_memory(engine(pod))


def test_the_nodes_memory_by_host_ipc_is_not_the_pods_own():
    pod = making.pod()
    pod["spec"]["hostIPC"] = True
    with pytest.raises(Mismatch, match="by hostIPC"):
        e.expect_own_shared_memory(engine(pod))


def test_shared_memory_that_could_not_be_seen_is_no_verdict():
    with pytest.raises(CannotTell, match="could not be looked into"):
        e.expect_own_shared_memory(engine(inside=None, listener=None))


def owner(found):
    return Owner(found["kind"], found["metadata"]["name"], found["metadata"]["uid"], found, (making.pod(),))


def test_a_template_that_names_no_node_is_left_to_the_scheduler():
    e.expect_scheduled(owner(making.workload()))


def test_a_template_that_names_its_node_is_a_fail():
    named = making.workload()
    named["spec"]["template"]["spec"]["nodeName"] = "worker-1"
    with pytest.raises(Mismatch, match="nodeName worker-1"):
        e.expect_scheduled(owner(named))


def test_a_bare_pod_that_the_scheduler_placed_is_right():
    e.expect_scheduled(owner(making.pod()))


def test_a_bare_pod_that_named_its_node_is_a_fail():
    bare = making.pod(annotations={NAMED_ITS_NODE: "true"})
    with pytest.raises(Mismatch, match="with a nodeName of its own"):
        e.expect_scheduled(Owner("Pod", "vllm-server-1", "u", bare, (bare,)))


# The nodes

WAS = making.node()


def test_a_node_that_is_as_it_was():
    e.expect_same_node(WAS, copy.deepcopy(WAS), "kind-built")


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (making.node(gpus=4), "nvidia.com/gpu: 4, was 1"),
        (making.node(unschedulable=True), "unschedulable: True, was False"),
        (making.node(taints=[{"key": "mine", "effect": "NoSchedule"}]), "taints"),
        ({**WAS, "metadata": {**WAS["metadata"], "labels": {"mine": "1"}}}, "kubernetes.io/hostname: None, was"),
    ],
)
def test_a_node_that_somebody_changed_is_a_fail_where_nobody_else_is(now, words):
    with pytest.raises(Mismatch, match=words):
        e.expect_same_node(WAS, now, "kind-built")
    with pytest.raises(CannotTell, match="maybe by others"):
        e.expect_same_node(WAS, now, "context")


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (None, "is not there, or not ready"),
        (making.node(ready=False, gpus=0), "is not there, or not ready"),
        (making.node(gpus=0), "may be registering"),
    ],
)
def test_a_restarted_kubelet_is_blamed_on_nobody(now, words):
    with pytest.raises(CannotTell, match=words):
        e.expect_same_node(WAS, now, "kind-built")


# Why nobody serves


@pytest.mark.parametrize(
    ("pods", "words"),
    [
        ([], "no pod"),
        ([making.pod(labels={"app": "other"})], "none that the Service selects"),
        ([making.pod()], "1 ready pods, none of which listens on the port"),
        ([making.pod(ready=False), making.pod("box", labels={})], "it runs, and is not ready"),
        ([making.pod(namespace="other", ready=False)], "no pod"),
    ],
)
def test_why_nobody_serves_is_said_of_the_pods_that_are_meant(pods, words):
    objects = [*pods, making.service()]
    assert e.why_nobody_serves(serving(objects, making.HERE).doors[0], objects, making.HERE).startswith(words)
