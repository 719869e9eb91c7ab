"""The tasks' graders on small evidence: what is done passes, what is left out or made up fails."""

import copy

import pytest

import making
from vlab import catalog
from vlab.evidence import Beginning, Calls, Loaded, Measured, MetricSample, Plugin
from vlab.grading import grade

FAIL, ERROR, PASS, SKIP = "fail", "error", "pass", "skip"


@pytest.fixture
def judged(tmp_path):
    def run(task, now, **known):
        parameters = catalog.exercise(task).draw("ada")
        recorded = making.evidence(tmp_path / "e", now, scenario=task, parameters=parameters, **known)
        checks = grade(recorded, catalog.exercise(task).graders).checks
        return {c.id: c.verdict.value for c in checks if c.verdict.value != PASS}

    return run


def without_gpus(labels):
    node = making.node(gpus=0)
    node["metadata"]["labels"] |= labels
    return [making.space(), node]


PRESENT = {"nvidia.com/gpu.present": "true"}
IDLE, BROKEN = (Plugin(namespace="o", name="nvidia-device-plugin", wanted=n, ready=0) for n in (0, 1))


class TestGpuScheduling:
    COUNTED = "- nodes with a GPU: 2\n- GPUs in all: 5\n- most GPUs for one pod: 4\n"
    NODES = (making.node("a", 1), making.node("b", 4), making.node("control-plane", 0))

    def judged(self, judged, note, now=None, **known):
        now = [making.space(), *self.NODES] if now is None else now
        return judged("gpu-scheduling", now, answers={"gpu-scheduling.md": note}, **known)

    def test_a_namespace_and_the_numbers(self, judged):
        assert self.judged(judged, self.COUNTED) == {}

    @pytest.mark.parametrize("number", ["2", "5", "4"])
    def test_each_number_counts(self, judged, number):
        assert self.judged(judged, self.COUNTED.replace(f": {number}\n", ": 3\n")) == {"gpus-noted": FAIL}

    def test_no_namespace(self, judged):
        assert self.judged(judged, self.COUNTED, [*self.NODES])["namespace-made"] == FAIL

    def test_a_namespace_without_its_labels(self, judged):
        bare = making.space()
        bare["metadata"]["labels"] = {"kubernetes.io/metadata.name": making.HERE}
        assert self.judged(judged, self.COUNTED, [bare, *self.NODES])["namespace-made"] == FAIL

    def test_a_node_that_was_changed(self, judged):
        start = [making.space(), *copy.deepcopy(self.NODES)]
        start[1]["metadata"]["labels"]["nvidia.com/gpu.count"] = "9"
        verdicts = self.judged(judged, self.COUNTED, start=start)
        assert verdicts == {"nodes-untouched": FAIL, "gpus-noted": SKIP}

    def test_no_note(self, judged):
        assert judged("gpu-scheduling", [making.space(), *self.NODES]) == {"gpus-noted": FAIL}

    @pytest.mark.parametrize(
        ("labels", "plugins", "right"),
        [
            ({}, (), {"capacity", "operator"}),
            ({}, (IDLE,), {"capacity"}),
            (PRESENT, (), {"operator"}),
            (PRESENT, (IDLE,), {"device plugin"}),
            ({}, (BROKEN,), {"device plugin"}),
            (PRESENT, (BROKEN,), {"device plugin"}),
        ],
    )
    def test_where_no_node_has_one_the_layer_is_named(self, judged, labels, plugins, right):
        passing = {
            layer
            for layer in ("capacity", "operator", "device plugin")
            if not self.judged(judged, f"- layer that is missing: the {layer}\n", without_gpus(labels), plugins=plugins)
        }
        assert passing == right

    @pytest.mark.parametrize("told", ["", "all of them: capacity, operator, device plugin", "vLLM failed"])
    def test_where_no_node_has_one_all_layers_are_none(self, judged, told):
        note = f"- layer that is missing: {told}\n"
        assert self.judged(judged, note, without_gpus({})) == {"gpus-noted": FAIL}


class TestDeployWithCache:
    NOTE = "- cache is mounted at: `/cache`\n- claim behind it: model-cache-pvc\n- MiB of /dev/shm: 1024\n"

    def judged(self, judged, note=NOTE, written=(making.BEFORE, making.LATER), now=None):
        said = [making.probe(making.inside(written=written))]
        answers = {"deploy-with-cache.md": note}
        return judged("deploy-with-cache", making.deployed() if now is None else now, said=said, answers=answers)

    def test_a_pod_that_finds_an_older_file(self, judged):
        assert self.judged(judged) == {}

    @pytest.mark.parametrize("written", [(), (making.LATER,)])
    def test_a_first_start_shows_nothing(self, judged, written):
        assert self.judged(judged, written=written) == {"cache-survives": FAIL}

    def test_an_old_file_in_a_volume_that_goes_with_the_pod(self, judged):
        now = making.deployed()
        pod = next(o for o in now if o["kind"] == "Pod")
        pod["spec"]["volumes"][0] = {"name": "cache", "emptyDir": {}}
        verdicts = self.judged(judged, now=now)
        assert verdicts["cache-kept"] == verdicts["mounts-noted"] == FAIL
        assert verdicts["cache-survives"] == SKIP

    @pytest.mark.parametrize(
        ("right", "wrong"),
        [("`/cache`", "/data"), ("`/cache`", "in the container"), ("model-cache-pvc", "model-cache"), ("1024", "64")],
    )
    def test_each_line_of_the_note_counts(self, judged, right, wrong):
        assert self.judged(judged, self.NOTE.replace(right, wrong)) == {"mounts-noted": FAIL}

    @pytest.mark.parametrize("size", ["1 Gi", "1 GiB, as I asked for", "1020 MiB", "1024.0"])
    def test_a_size_in_other_words(self, judged, size):
        assert self.judged(judged, self.NOTE.replace("1024", size)) == {}

    def test_nothing_is_deployed(self, judged):
        verdicts = self.judged(judged, now=[making.space(), making.node()])
        assert verdicts["service-kept"] == FAIL
        assert verdicts["server-ready"] == SKIP


def calls(**known):
    """An API that is guarded, with blocks of 16 tokens, to which a learner has sent a prompt of 331 twice."""
    statuses = {
        **dict.fromkeys(("models", "completion", "chat", "stream", "health without key", "metrics without key"), 200),
        "unknown model": 404,
        "too long": 400,
        "models without key": 401,
        "completion without key": 401,
    }
    statuses |= known.pop("statuses", {})
    given = {
        "answers": {name: making.answer(status=status) for name, status in statuses.items()},
        "events": 10,
        "done": True,
        "block_size": 16,
        "hits_before": 320.0,
        "long": Beginning(prompt_tokens=400, queries=400, hits=384),
        "short": Beginning(prompt_tokens=30, queries=30, hits=0),
    }
    return Calls(**{**given, **known})


class TestApi:
    NOTE = """
- completion: 200
- chat: 200
- unknown model: 404 NotFoundError
- too long a prompt: 400
- last line of the stream: `data: [DONE]`
- models with the key: 200
- models without a key: 401
- health without a key: 200
- metrics without a key: 200
- block size: 16
- tokens of the long prompt: 331
- tokens that hit: 320
- tokens that hit after a short beginning: 0
## Why
It is optional and off by default, and in production anybody in the cluster could spend our GPUs.
"""

    def judged(self, judged, note=NOTE, **known):
        return judged("api", making.deployed(), calls=calls(**known), answers={"api.md": note})

    def test_all_of_it(self, judged):
        assert self.judged(judged) == {}

    @pytest.mark.parametrize(
        ("statuses", "verdict"),
        [
            ({"models without key": 200}, FAIL),
            ({"completion without key": 200}, FAIL),
            ({"models": 401}, FAIL),
            ({"metrics without key": 401}, FAIL),
            ({"health without key": None}, ERROR),
        ],
    )
    def test_what_is_open_and_what_is_not(self, judged, statuses, verdict):
        assert self.judged(judged, statuses=statuses)["guarded"] == verdict

    @pytest.mark.parametrize(
        ("right", "wrong", "failing"),
        [
            ("model: 404", "model: 400", "statuses-noted"),
            ("chat: 200", "chat:", "statuses-noted"),
            ("data: [DONE]", "data: {}", "statuses-noted"),
            ("key: 401", "key: 403", "statuses-noted"),
            ("size: 16", "size: 32", "prefix-measured"),
            ("hit: 320", "hit: 331", "prefix-measured"),
            ("hit: 320", "hit: 304", "prefix-measured"),
            ("prompt: 331", "prompt: 20", "prefix-measured"),
            ("beginning: 0", "beginning: 16", "prefix-measured"),
            ("optional and off by default", "what it is", "key-explained"),
            ("anybody in the cluster could spend our GPUs", "it is on, which is better than off", "key-explained"),
        ],
    )
    def test_each_line_counts(self, judged, right, wrong, failing):
        assert right in self.NOTE
        assert self.judged(judged, self.NOTE.replace(right, wrong)) == {failing: FAIL}

    def test_a_prompt_of_whole_blocks_has_its_last_token_computed(self, judged):
        note = self.NOTE.replace("331", "337").replace("hit: 320", "hit: 336")
        assert self.judged(judged, note, hits_before=336.0) == {}
        assert self.judged(judged, note.replace("337", "336"), hits_before=336.0) == {"prefix-measured": FAIL}

    @pytest.mark.parametrize(
        ("known", "verdict"),
        [
            ({"hits_before": 319.0}, FAIL),
            ({"long": Beginning(prompt_tokens=400, queries=400, hits=0)}, FAIL),
            ({"long": Beginning(prompt_tokens=400, queries=400, hits=200)}, ERROR),
            ({"short": Beginning(prompt_tokens=30, queries=30, hits=16)}, ERROR),
            ({"short": None}, ERROR),
            ({"block_size": None}, ERROR),
        ],
    )
    def test_what_the_engine_counted(self, judged, known, verdict):
        assert self.judged(judged, **known) == {"prefix-measured": verdict}

    def test_nothing_is_written(self, judged):
        verdicts = judged("api", making.deployed(), calls=calls())
        assert verdicts == dict.fromkeys(("statuses-noted", "prefix-measured", "key-explained"), FAIL)


BOUNDS = (0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0)
QUICK = (1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2, 2.4)


def load(*took, requests=True, at_once=True, started=100.0, **known):
    """A load of which each request took so long, and what the engine counted of it."""
    begins = [started if at_once else started + sum(took[:n]) for n in range(len(took))]
    sent = [
        making.request(n, 0.1, intended=b, sent=b, first_token=b + 0.1, end=b + t)
        for n, (b, t) in enumerate(zip(begins, took, strict=True))
    ]
    name = "vllm:e2e_request_latency_seconds"

    def sample(t, values):
        buckets = {f'{name}_bucket{{le="{b}"}}': float(sum(v <= b for v in values)) for b in BOUNDS}
        buckets[f'{name}_bucket{{le="+Inf"}}'] = float(len(values))
        counts = {f"{name}_sum": sum(values), f"{name}_count": float(len(values))}
        return MetricSample(
            t=t, pod="vllm-server-1", samples={**buckets, **counts, "vllm:request_success_total": float(len(values))}
        )

    end = max(r.end for r in sent)
    given = {"started": started, "workload": "w", "nonce": "n", "via": "witness", "engines": ("vllm-server-1",)}
    return Measured(
        loaded=Loaded(**{**given, **known}),
        requests=tuple(sent) if requests else (),
        metrics=(sample(started - 0.2, ()), sample(end + 0.3, took)),
    )


class TestLoadTest:
    NOTE = """
requests=8
elapsed_seconds=2.40
requests_per_second=3.33
mean_latency_seconds=1.70
p95_latency_seconds=2.37
- objective seconds: 1.5
- requests within the objective: 3
- goodput per second: 1.25
## Why this is no benchmark
Eight requests, sent once, are too few, and real traffic is a mix of lengths on other hardware.
"""

    def judged(self, judged, *loads, note=NOTE):
        return judged("load-test", making.deployed(), loads=loads, answers={"load-test.md": note})

    @pytest.mark.parametrize("requests", [True, False])
    def test_a_load_of_eight(self, judged, requests):
        assert self.judged(judged, load(*QUICK, requests=requests)) == {}

    @pytest.mark.parametrize("p95", ["2.20", "2.40", "2300 ms"])
    def test_however_p95_is_rounded(self, judged, p95):
        assert self.judged(judged, load(*QUICK), note=self.NOTE.replace("2.37", p95)) == {}

    @pytest.mark.parametrize(
        "loads",
        [
            (),
            (load(*QUICK[:7]),),
            (load(*QUICK, at_once=False),),
            (load(*QUICK, at_once=False, requests=False),),
        ],
        ids=["none", "seven", "one after the other", "by a script of one's own"],
    )
    def test_what_is_no_load_of_several_at_once(self, judged, loads):
        verdicts = self.judged(judged, *loads)
        assert verdicts == {"load-sent": FAIL, "figures-agree": SKIP, "goodput-right": SKIP}

    def test_one_that_failed(self, judged):
        whole = load(*QUICK)
        broken = whole.requests[0].model_copy(update={"error": "http_500", "status": 500})
        assert self.judged(judged, whole.model_copy(update={"requests": (broken, *whole.requests[1:])}))[
            "load-sent"
        ] == (FAIL)

    @pytest.mark.parametrize("requests", [True, False])
    @pytest.mark.parametrize(
        ("right", "wrong", "failing"),
        [
            ("requests=8", "requests=12", "figures-agree"),
            ("second=3.33", "second=6.66", "figures-agree"),
            ("elapsed_seconds=2.40", "elapsed_seconds=4.80", "figures-agree"),
            ("mean_latency_seconds=1.70", "mean_latency_seconds=0.30", "figures-agree"),
            ("mean_latency_seconds=1.70", "mean_latency_seconds=2.90", "figures-agree"),
            ("p95_latency_seconds=2.37", "p95_latency_seconds=1.20", "figures-agree"),
            ("p95_latency_seconds=2.37", "p95_latency_seconds=23.7", "figures-agree"),
            ("objective: 3", "objective: 8", "goodput-right"),
            ("objective seconds: 1.5", "objective seconds: 9", "goodput-right"),
            ("objective seconds: 1.5", "objective seconds: 0", "goodput-right"),
            ("goodput per second: 1.25", "goodput per second: 3.33", "goodput-right"),
            ("Eight requests, sent once, are too few", "It shows what it can do", "limits-explained"),
            ("real traffic is a mix of lengths on other hardware", "that is all of it", "limits-explained"),
        ],
    )
    def test_each_line_counts(self, judged, right, wrong, failing, requests):
        assert right in self.NOTE
        verdicts = self.judged(judged, load(*QUICK, requests=requests), note=self.NOTE.replace(right, wrong))
        assert verdicts.pop(failing) == FAIL
        assert verdicts in ({}, {"goodput-right": SKIP})

    def test_the_newest_of_several_is_meant(self, judged):
        slow = load(*(t * 3 for t in QUICK), started=50.0)
        assert self.judged(judged, slow, load(*QUICK)) == {}
        assert self.judged(judged, load(*QUICK, started=20.0), slow)["figures-agree"] == FAIL

    def test_engines_that_changed_meanwhile_tell_nothing(self, judged):
        verdicts = self.judged(judged, load(*QUICK, unsteady="vllm-server-1 was there"))
        assert verdicts["figures-agree"] == ERROR


FORTY = making.measured(*(making.request(n, 1.0) for n in range(40)))


class TestRecommend:
    SEEN = "In the first load `vllm:num_preemptions_total` rose by 16."
    WHOLE = (SEEN, "That is KV cache pressure.", "Set `--num-gpu-blocks-override=400`.", "Same load: preemptions fall.")

    def judged(self, judged, *parts, loads=(FORTY,)):
        answers = {"recommendation.md": "\n\n".join(parts)} if parts else {}
        return judged("recommend", making.deployed(), before=making.SATURATED, loads=loads, answers=answers)

    def test_four_parts(self, judged):
        assert self.judged(judged, *self.WHOLE) == {}

    def test_no_load_of_ones_own(self, judged):
        assert self.judged(judged, *self.WHOLE, loads=()) == {"load-looked-at": FAIL}
        assert self.judged(judged, *self.WHOLE, loads=(making.EASY,)) == {"load-looked-at": FAIL}

    @pytest.mark.parametrize(
        ("number", "wrong", "failing"),
        [
            (0, "In the first load `vllm:num_preemptions_total` rose by 99.", "number-true"),
            (1, "That is compute pressure.", "pressure-right"),
            (2, "Set `--max-num-seqs=512`.", "no-veto"),
            (2, "Make it better.", "change-specific"),
            (3, "It will be better.", "validation-complete"),
        ],
    )
    def test_each_part_counts(self, judged, number, wrong, failing):
        parts = [wrong if n == number else part for n, part in enumerate(self.WHOLE)]
        assert self.judged(judged, *parts)[failing] == FAIL

    def test_the_template_is_no_recommendation(self, judged):
        template = catalog.exercise("recommend").templates["recommendation.md"].read_text()
        verdicts = self.judged(judged, template)
        assert verdicts.pop("recommendation-written") == FAIL
        assert set(verdicts.values()) == {SKIP}
        assert "model-answers" not in verdicts

    def test_none_at_all(self, judged):
        assert self.judged(judged)["recommendation-written"] == FAIL


class TestCleanUp:
    LESSONS = """
## Deployment
The model cache belongs on a PersistentVolumeClaim, so that a restart finds it.
## A metric
`vllm:num_requests_waiting` tells that clients wait, and not for what they wait.
## Tuning
When preemptions rise, lower `--max-num-seqs`, and never raise it for a queue.
"""

    def judged(self, judged, now=None, lessons=LESSONS, **known):
        now = [making.node()] if now is None else now
        return judged("clean-up", now, start=making.deployed(), answers={"lessons.md": lessons}, **known)

    def test_nothing_is_left(self, judged):
        assert self.judged(judged) == {}

    def test_the_namespace_is_there_with_a_server_in_it(self, judged):
        assert self.judged(judged, making.deployed()) == {"namespace-gone": FAIL, "nothing-held": FAIL}

    def test_the_namespace_alone_is_there(self, judged):
        assert self.judged(judged, [making.space(), making.node()]) == {"namespace-gone": FAIL}

    @pytest.mark.parametrize(
        ("phase", "gpus", "provider", "verdicts"),
        [
            ("Running", 1, "kind-built", {"nothing-held": FAIL}),
            ("Pending", 1, "kind-built", {"nothing-held": FAIL}),
            ("Succeeded", 1, "kind-built", {}),
            ("Running", 0, "kind-built", {}),
            ("Running", 1, "context", {}),
        ],
    )
    def test_a_pod_elsewhere(self, judged, phase, gpus, provider, verdicts):
        pod = making.pod("later", making.engine_container(gpus), namespace="elsewhere")
        pod["status"] = {"phase": phase}
        assert self.judged(judged, [making.node(), pod], cluster={"provider": provider}) == verdicts

    def test_a_volume_that_outlives_its_claim(self, judged):
        assert self.judged(judged, volumes=(making.VOLUME,)) == {"nothing-held": FAIL}

    @pytest.mark.parametrize(
        ("right", "wrong"),
        [
            (
                "The model cache belongs on a PersistentVolumeClaim, so that a restart finds it.",
                "Think before you type.",
            ),
            ("The model cache belongs on a PersistentVolumeClaim, so that a restart finds it.", "PVC"),
            ("`vllm:num_requests_waiting` tells that clients wait, and", "It tells how things are going there, and"),
            ("lower `--max-num-seqs`, and never raise it", "do the right thing, and not the wrong one"),
            ("## Tuning", "## The end"),
        ],
    )
    def test_each_lesson_counts(self, judged, right, wrong):
        assert right in self.LESSONS
        assert self.judged(judged, lessons=self.LESSONS.replace(right, wrong)) == {"lessons-noted": FAIL}

    def test_the_same_thrice_is_one(self, judged):
        words = "\nA Deployment is watched with vllm:num_requests_waiting and tuned with --max-num-seqs.\n"
        lessons = "".join(f"## {heading}{words}" for heading in ("Deployment", "Metric", "Tuning"))
        assert self.judged(judged, lessons=lessons) == {"lessons-noted": FAIL}
