"""The graders on small evidence: what mends passes, what does not fails, what nobody can know is an error."""

import copy

import pytest

import making
from vlab import catalog
from vlab.evidence import Collected, Settled
from vlab.grading import checks_in, grade
from vlab.grading.run import waits_for_load

FAIL, ERROR, PASS, SKIP = "fail", "error", "pass", "skip"


@pytest.fixture
def judged(tmp_path):
    def run(now, scenario="four-gpu-pending", **known):
        parameters = catalog.scenario(scenario).draw("ada")
        recorded = making.evidence(tmp_path / "e", now, scenario=scenario, parameters=parameters, **known)
        return {c.id: c.verdict.value for c in grade(recorded, catalog.scenario(scenario).graders).checks}

    return run


def wrong(verdicts):
    return {name: verdict for name, verdict in verdicts.items() if verdict != PASS}


def one(objects, kind):
    return next(o for o in objects if o["kind"] == kind)


WHOLE = {
    "ingress-buffered": {"now": making.behind_an_edge(), "promised": making.promised(edge="edge")},
    "mixed-traffic": {
        "now": making.split(),
        "promised": making.promised(addresses=("vllm-server", "vllm-batch"), proxied=("vllm-batch",)),
        "before": making.BESIDE_BATCH,
        "after": making.APART,
    },
}


@pytest.mark.parametrize("scenario", catalog.scenarios())
def test_what_is_whole_passes(judged, scenario):
    assert wrong(judged(scenario=scenario, **{"now": making.deployed(), **WHOLE.get(scenario, {})})) == {}


def test_a_gpu_on_a_sidecar_is_not_the_engines(judged):
    now = making.deployed()
    greedy = {"name": "idle", "image": "busybox", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    one(now, "Pod")["spec"]["containers"] = [greedy, making.engine_container(0)]
    said = [making.probe(None, container="idle", code=127), making.probe(making.inside())]
    assert judged(now, said=said)["gpu-held"] == FAIL


def test_an_engine_of_two_workers_needs_two_gpus(judged):
    workers = [making.process(60 + i, f"VLLM::Worker_TP{i}", parent=50) for i in range(2)]
    said = [making.probe(making.inside(making.SERVER, making.CORE, *workers))]
    assert judged(making.deployed(), said=said)["gpu-held"] == FAIL


def test_an_old_revision_that_is_kept_earns_no_marks_of_the_new_one(judged):
    now = making.deployed()
    one(now, "Deployment")["status"] |= {"updatedReplicas": 0}
    verdicts = judged(now)
    assert verdicts["server-ready"] == FAIL
    assert verdicts["model-answers"] == SKIP


def test_an_engine_that_was_restarted_once_is_no_verdict_by_itself(judged):
    now = making.deployed()
    one(now, "Pod")["status"]["containerStatuses"][0] |= {"restartCount": 1}
    assert wrong(judged(now)) == {}


def test_what_still_moves_when_patience_is_over_is_no_fail(judged):
    now = making.deployed()
    one(now, "EndpointSlice")["endpoints"] = []
    verdicts = judged(now, settled=Settled(moving="vllm-server-1 is starting", seconds=300.0))
    assert verdicts["server-ready"] == ERROR
    assert FAIL not in verdicts.values()
    assert SKIP not in verdicts.values()


@pytest.mark.parametrize("error", ["timeout", "cut"])
def test_what_was_not_heard_is_an_error_and_not_held_against_the_learner(judged, error):
    silent = making.asked(answers=(making.answer(status=None, error=error),))
    verdicts = judged(making.deployed(), api=silent)
    assert wrong(verdicts) == {"real-engine": ERROR, "model-answers": ERROR}


def test_an_endpoint_that_refuses_to_the_last_fails(judged):
    refused = making.asked(answers=(making.answer(status=None, error="refused", text=""),))
    assert judged(making.deployed(), api=refused)["real-engine"] == FAIL


def test_objects_that_could_not_be_read_are_nobodys_fail(judged):
    failed = {n: Collected(ok=True) for n in ("probe", "api", "events")}
    failed["objects"] = Collected(ok=False, reason="the API server went away")
    verdicts = judged(making.deployed(), collectors=failed)
    assert set(verdicts.values()) == {ERROR}


def test_a_pod_that_could_not_be_looked_into_is_nobodys_fail(judged):
    verdicts = judged(making.deployed(), said=[making.probe(None, code=-1)])
    assert (verdicts["gpu-held"], verdicts["real-engine"], verdicts["model-answers"]) == (ERROR,) * 3


def test_too_few_tokens_are_no_answer(judged):
    short = making.asked(answers=(making.answer(output_tokens=3), *making.asked().answers[1:]))
    assert wrong(judged(making.deployed(), api=short)) == {"model-answers": FAIL}


def test_tokens_that_are_missing_are_found_out(judged):
    assert judged(making.deployed(), api=making.asked(gaps=()))["same-model"] == FAIL


@pytest.mark.parametrize(
    ("known", "verdict"),
    [({"served": ("other",)}, FAIL), ({"served": ("other", making.MODEL)}, PASS), ({"served": ()}, FAIL)],
)
def test_the_model_keeps_its_name_and_may_have_more(judged, known, verdict):
    assert judged(making.deployed(), api=making.asked(**known))["same-model"] == verdict


@pytest.mark.parametrize(("context", "verdict"), [(1024, FAIL), (4096, PASS), (None, ERROR)])
def test_the_context_is_as_long_as_promised(judged, context, verdict):
    assert judged(making.deployed(), api=making.asked(context=context))["context-kept"] == verdict


@pytest.mark.parametrize("service", [None, making.service(type="ExternalName"), making.service({"port": 9000})])
def test_the_address_of_the_brief_is_kept(judged, service):
    now = [o for o in making.deployed() if o["kind"] != "Service"] + ([service] if service else [])
    assert judged(now)["service-kept"] == FAIL


def test_a_service_that_leads_elsewhere_is_found_out(judged):
    now = making.deployed()
    one(now, "EndpointSlice")["endpoints"] = [making.endpoint(None, "10.0.0.99")]
    assert judged(now)["service-kept"] == FAIL


@pytest.mark.parametrize("bystander", [making.pod("box", {"name": "box", "image": "busybox"}, ready=False, labels={})])
def test_a_debug_pod_decides_nothing(judged, bystander):
    start = making.deployed()
    assert wrong(judged([*making.deployed(), bystander], start=start)) == {}


def test_shared_memory_on_a_disk_fails_where_it_is_the_exercise_and_where_it_is_not(judged):
    said = [making.probe(making.inside(shm="ext4"))]
    assert judged(making.deployed(), "shm-missing", said=said)["shm-is-memory"] == FAIL
    assert judged(making.deployed(), "leaked-gpu", said=said)["shm-kept"] == FAIL


# leaked-gpu: what is mine, and what is a neighbour's

LEAK, NEIGHBOUR = "llm-demo-last-week", "llm-demo-neighbour"


def holding(space, name, **metadata):
    container = {"name": "server", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    return making.pod(name, container, **{"namespace": space, "labels": {}, **metadata})


def leaked():
    neighbour = making.workload(name="vision-team")
    neighbour["metadata"]["namespace"] = NEIGHBOUR
    working = holding(NEIGHBOUR, "vision-team-1", owner=neighbour)
    return [
        making.space(LEAK, "ada"),
        holding(LEAK, "exercise-1", labels={"owner": "ada"}),
        making.space(NEIGHBOUR, "vision-team"),
        neighbour,
        working,
    ]


def around(**changes):
    """The cluster at the start, and now: without the leak, and with other changes."""
    start = [*making.deployed(), *leaked()]
    now = copy.deepcopy([o for o in start if LEAK not in (o["metadata"].get("namespace"), o["metadata"]["name"])])
    return start, now


def test_a_leak_that_is_released_passes(judged):
    start, now = around()
    assert wrong(judged(now, "leaked-gpu", start=start)) == {}


@pytest.mark.parametrize(
    "still",
    [
        holding(LEAK, "exercise-1", labels={"owner": "ada"}),
        holding(LEAK, "exercise-1"),
        holding(LEAK, "exercise-1", labels={"owner": "vision-team"}),
        holding("default", "exercise-2"),
        holding(making.HERE, "exercise-2"),
        holding(making.HERE, "exercise-2", labels={"app": "vllm-server"}),
    ],
    ids=["as it was", "label taken off", "relabelled", "moved elsewhere", "moved beside the server", "called a server"],
)
def test_a_leak_that_is_only_hidden_fails(judged, still):
    start, now = around()
    assert wrong(judged([*now, still], "leaked-gpu", start=start)) == {"leak-released": FAIL}


def test_a_pod_that_has_ended_holds_nothing(judged):
    start, now = around()
    ended = holding(LEAK, "exercise-1")
    ended["status"]["phase"] = "Succeeded"
    assert wrong(judged([*now, ended], "leaked-gpu", start=start)) == {}


def test_a_leak_whose_namespace_was_given_to_a_neighbour_by_its_label_fails(judged):
    start, now = around()
    given = [making.space(LEAK, "vision-team"), holding(LEAK, "exercise-1")]
    assert judged([*now, *given], "leaked-gpu", start=start)["leak-released"] == FAIL


def test_a_leak_that_is_still_ending_after_all_patience_is_no_fail(judged):
    start, now = around()
    going = holding(LEAK, "exercise-1", deletionTimestamp="now")
    settled = Settled(moving="exercise-1 is ending", seconds=300.0)
    assert judged([*now, going], "leaked-gpu", start=start, settled=settled)["leak-released"] == ERROR


def test_what_others_hold_on_a_shared_cluster_is_not_the_learners(judged):
    start, now = around()
    stranger = holding("somebody", "training")
    context = {"provider": "context"}
    assert judged([*now, stranger], "leaked-gpu", start=start, cluster=context)["leak-released"] == PASS


def replaced(now):
    one_of = next(o for o in now if o["metadata"]["name"] == "vision-team-1")
    one_of["metadata"] = {**one_of["metadata"], "name": "vision-team-2", "uid": "uid-2"}


def stopped(now):
    now.remove(next(o for o in now if o["metadata"]["name"] == "vision-team-1"))


def scaled(now):
    next(o for o in now if o["metadata"]["name"] == "vision-team")["spec"]["replicas"] = 0


def gone(now):
    now.remove(next(o for o in now if o["metadata"]["name"] == "vision-team"))


def squeezed(now):
    quota = {"kind": "ResourceQuota", "metadata": making.metadata("q", namespace=NEIGHBOUR), "spec": {"hard": {}}}
    now.append(quota)


def disowned(now):
    next(o for o in now if o["metadata"]["name"] == NEIGHBOUR)["metadata"]["labels"]["owner"] = "ada"


@pytest.mark.parametrize("rob", [replaced, stopped, scaled, gone, squeezed, disowned])
def test_a_neighbour_is_not_robbed(judged, rob):
    start, now = around()
    rob(now)
    assert judged(now, "leaked-gpu", start=start)["neighbour-untouched"] == FAIL


def test_a_neighbours_pod_that_went_with_its_node_is_blamed_on_nobody(judged):
    start, now = around()
    replaced(now)
    one(now, "Node")["status"]["conditions"][0]["status"] = "Unknown"
    assert judged(now, "leaked-gpu", start=start)["neighbour-untouched"] == ERROR


LOAD = ("preemptions-gone", "queue-drains", "first-token-sooner", "throughput-kept", "all-served")


@pytest.mark.parametrize(
    ("after", "failing"),
    [
        (making.SATURATED, {"preemptions-gone", "queue-drains", "first-token-sooner"}),
        (making.measured(*making.EASY.requests, preemptions=9), {"preemptions-gone"}),
        (making.measured(*making.EASY.requests, waiting=70), {"queue-drains"}),
        (making.measured(*(making.request(i, i / 3) for i in range(20))), {"first-token-sooner"}),
        (making.measured(*making.EASY.requests[:19], making.request(19, 20.0)), {"throughput-kept"}),
        (making.measured(*making.EASY.requests[:19], making.request(19, 0.5, error="http_503")), {"all-served"}),
        (making.measured(*making.EASY.requests[:19], making.request(19, 0.5, output_tokens=23)), {"all-served"}),
        (making.measured(*(making.request(i, 0.4, output_tokens=24) for i in range(20))), set()),
        (making.measured(*making.EASY.requests[:18], not_sent=2), {"all-served"}),
    ],
    ids=["as-before", "preempts", "queues", "slow-first", "slower", "refused", "cut", "cut-where-allowed", "unsent"],
)
def test_each_objective_of_a_saturated_cache_alone(judged, after, failing):
    verdicts = judged(making.deployed(), "cache-saturated", after=after)
    assert {name for name in LOAD if verdicts[name] == FAIL} == failing
    assert ERROR not in verdicts.values()


@pytest.mark.parametrize(
    "after",
    [
        making.EASY.model_copy(update={"loaded": making.EASY.loaded.model_copy(update={"workload": "lighter"})}),
        making.EASY.model_copy(update={"loaded": making.EASY.loaded.model_copy(update={"via": "forward"})}),
    ],
    ids=["another-load", "another-way"],
)
def test_what_cannot_be_compared_is_in_doubt(judged, after):
    verdicts = judged(making.deployed(), "cache-saturated", after=after)
    assert {verdicts[name] for name in LOAD} == {ERROR}


def test_a_start_that_did_not_preempt_is_nothing_to_compare_with(judged):
    verdicts = judged(making.deployed(), "cache-saturated", before=making.EASY)
    assert verdicts["preemptions-gone"] == ERROR


@pytest.mark.parametrize(
    ("edge", "failing"),
    [
        (making.streamed(reads=1, first=2.0), {"tokens-flow"}),
        (making.streamed(reads=4, first=0.9), {"tokens-flow"}),
        (making.streamed(reads=65, first=1.9), {"tokens-flow"}),
        (making.streamed(seconds=4.0), {"tokens-flow"}),
        (making.streamed(reads=55), set()),
        (making.streamed(first=0.5), set()),
        (making.streamed(content_encoding="gzip"), set()),
        (making.streamed(events=55, reads=55), set()),
        (making.streamed(events=20, reads=20), {"stream-whole"}),
        (making.streamed(done=False), {"stream-whole"}),
        (making.streamed(headers={"content-type": "application/json"}), {"stream-whole"}),
        (making.streamed(status=502, events=0, reads=1), {"tokens-flow", "stream-whole"}),
        (making.streamed(status=None, error="refused", events=0, reads=0), {"tokens-flow", "stream-whole"}),
    ],
    ids=[
        *(
            "one-lump",
            "four-lumps",
            "all-late",
            "slow",
            "few-joined",
            "little-later",
            "compressed-and-flowing",
            "tokens-joined",
        ),
        *("few-events", "unfinished", "no-stream", "bad-gateway", "refused"),
    ],
)
def test_what_flows_through_the_edge(judged, edge, failing):
    stream = making.FLOWING.model_copy(update={"edge": edge})
    verdicts = judged(scenario="ingress-buffered", stream=stream, **WHOLE["ingress-buffered"])
    assert {n for n in ("tokens-flow", "stream-whole") if verdicts[n] == FAIL} == failing
    assert ERROR not in verdicts.values()


@pytest.mark.parametrize(
    "known",
    [
        {"stream": making.FLOWING.model_copy(update={"direct": making.streamed(status=None, error="timeout")})},
        {"stream": making.FLOWING.model_copy(update={"direct": None})},
        {"stream_before": making.FLOWING},
    ],
    ids=["engine-did-not-stream", "not-asked", "no-fault-at-the-start"],
)
def test_a_stream_that_cannot_be_compared_is_in_doubt(judged, known):
    assert judged(scenario="ingress-buffered", **WHOLE["ingress-buffered"], **known)["tokens-flow"] == ERROR


@pytest.mark.parametrize(
    "behind",
    [making.pod("vllm-server-1"), making.nginx(image="lab.local/vllm-cpu:1")],
    ids=["the-engine-itself", "something-else"],
)
def test_nginx_stays_in_the_way(judged, behind):
    known = {**WHOLE["ingress-buffered"], "start": making.behind_an_edge(), "now": making.behind_an_edge(behind)}
    verdicts = judged(scenario="ingress-buffered", **known)
    assert (verdicts["edge-kept"], verdicts["tokens-flow"]) == (FAIL, SKIP)


def test_a_newer_nginx_is_nginx(judged):
    known = {**WHOLE["ingress-buffered"], "start": making.behind_an_edge()}
    newer = making.behind_an_edge(making.nginx(image="nginx:1.31"))
    assert wrong(judged(scenario="ingress-buffered", **{**known, "now": newer})) == {}


@pytest.mark.parametrize(
    ("after", "failing"),
    [
        (making.BESIDE_BATCH, {"chat-first-token"}),
        (making.both(2.5, 10.0), {"chat-first-token"}),
        (making.both(1.5, 10.0), set()),
        (making.both(0.4, 50.0), {"batch-kept"}),
        (making.measured(*making.APART.requests[:15]), set()),
        (making.measured(*(r.model_copy(update={"error": "http_503"}) for r in making.APART.requests)), {"all-served"}),
    ],
    ids=["as-before", "hardly", "enough", "batch-starved", "one-less-to-measure", "refused"],
)
def test_each_objective_of_mixed_traffic_alone(judged, after, failing):
    known = {**WHOLE["mixed-traffic"], "after": after}
    verdicts = judged(scenario="mixed-traffic", **known)
    assert {n for n in ("chat-first-token", "batch-kept", "all-served") if verdicts[n] == FAIL} >= failing
    assert {n for n in ("chat-first-token", "all-served") if verdicts[n] == FAIL} <= failing


def test_a_proxy_may_stand_in_front_of_batch_only(judged):
    paced = making.split(making.nginx("pace-1", "10.0.0.3"))
    said = [making.probe(making.inside()), making.probe(None, "pace-1", "nginx", code=127)]
    known = {**WHOLE["mixed-traffic"], "now": paced, "said": said}
    assert wrong(judged(scenario="mixed-traffic", **known)) == {}
    strict = {**known, "promised": making.promised(addresses=("vllm-server", "vllm-batch"))}
    assert judged(scenario="mixed-traffic", **strict)["real-engine"] == FAIL


def test_chat_that_never_suffered_is_nothing_to_compare_with(judged):
    known = {**WHOLE["mixed-traffic"], "before": making.APART.model_copy(update={"requests": making.EASY.requests})}
    assert judged(scenario="mixed-traffic", **known)["chat-first-token"] == ERROR


def test_engines_that_changed_under_the_load_leave_doubt_but_no_excuse(judged):
    changed = making.EASY.loaded.model_copy(update={"unsteady": "a was there when it was asked"})
    unsteady = making.EASY.model_copy(update={"loaded": changed})
    verdicts = judged(making.deployed(), "cache-saturated", after=unsteady)
    assert {name for name in LOAD if verdicts[name] == ERROR} == {*LOAD} - {"all-served"}
    lost = tuple(r.model_copy(update={"error": "disconnected"}) for r in making.EASY.requests)
    died = unsteady.model_copy(update={"requests": lost})
    assert judged(making.deployed(), "cache-saturated", after=died)["all-served"] == FAIL


@pytest.mark.parametrize("scenario", ["cache-saturated", "mixed-traffic", "ingress-buffered"])
def test_a_load_is_waited_for_only_where_it_can_tell_something(tmp_path, scenario):
    known = {"now": making.deployed(), **WHOLE.get(scenario, {})}
    graders = checks_in(*catalog.scenario(scenario).graders)
    whole = {"scenario": scenario, "parameters": catalog.scenario(scenario).draw("ada"), **known}
    assert waits_for_load(graders, making.evidence(tmp_path / "whole", **whole))
    other = making.asked(gaps=((3.0,),) * 3)
    assert not waits_for_load(graders, making.evidence(tmp_path / "other-model", **whole, api=other))
    moving = making.evidence(tmp_path / "moving", **whole, api=other, settled=Settled(moving="x is starting"))
    assert not waits_for_load(graders, moving)
    down = [o for o in known["now"] if o["kind"] != "Pod"]
    assert not waits_for_load(graders, making.evidence(tmp_path / "down", **{**whole, "now": down}))
