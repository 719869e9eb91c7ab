"""Figures of recorded runs, and what a comparison of two may say."""

import random
import statistics
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlab.errors import LabError
from vlab.evidence import MetricSample, Request
from vlab.evidence.metrics import CACHE, PREEMPTIONS, WAITING, Metrics
from vlab.load import summary, workload
from vlab.load.compare import compare, percentile_row
from vlab.load.report import html
from vlab.load.result import LoadResult, TargetRecord, load
from vlab.load.summary import spread, summarise

SOURCE = "http://127.0.0.1:8000/metrics"


def record(index: int, intended: float, latency: float, **more: object) -> Request:
    first = intended + latency / 4
    gap = latency / 4
    fields: dict[str, object] = {
        "class_name": "reader",
        "index": index,
        "intended": intended,
        "sent": intended,
        "first_token": first,
        "chunks": (first, first + gap, first + 2 * gap, first + 3 * gap),
        "end": intended + latency,
        "reads": 4,
        "requested_tokens": 4,
        "prompt_tokens": 10,
        "output_tokens": 4,
        "counted": True,
        "status": 200,
    }
    return Request.model_validate({**fields, **more})


def sample(time: float, **values: float) -> MetricSample:
    keyed = {f'vllm:{k}{{engine="0"}}': v for k, v in values.items()}
    return MetricSample(t=time, pod=SOURCE, samples=keyed)


def result(records: list[Request], samples: tuple[MetricSample, ...] = ()) -> LoadResult:
    return LoadResult(
        workload=workload.find("saturate"),
        nonce="n",
        targets={"reader": TargetRecord(base_url="http://127.0.0.1:8000", model="m")},
        started=1000.0,
        requests=tuple(records),
        metrics=samples,
    )


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200))
def test_percentiles_are_those_of_numpy(values: list[float]) -> None:
    s = spread(values)
    assert s is not None
    assert s.n == len(values)
    assert s.mean == pytest.approx(float(np.mean(values)))
    for q, got in ((50, s.p50), (90, s.p90), (95, s.p95), (99, s.p99)):
        assert got == pytest.approx(float(np.percentile(values, q)), rel=1e-9, abs=1e-9)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.randoms())
def test_a_spread_is_ordered_and_does_not_depend_on_order(values: list[float], rng: random.Random) -> None:
    s = spread(values)
    assert s is not None
    steps = [s.min, s.p50, s.p90, s.p95, s.p99, s.max]
    assert all(b >= a - 1e-9 * abs(a) for a, b in pairwise(steps))
    rng.shuffle(values)
    assert spread(values) == s


def test_no_values_have_no_spread() -> None:
    assert spread([]) is None
    assert spread([None]) is None


def test_failures_are_counted_by_kind_and_leave_the_latencies_alone() -> None:
    records = [
        record(0, 0.0, 2.0),
        record(1, 0.0, 4.0),
        record(2, 0.0, 9.0, error="timeout", detail="no end"),
        record(3, 0.0, 0.1, error="http_503", status=503),
        record(4, 0.0, 0.1, error="http_503", status=503),
    ]
    total = summarise(result(records)).total
    assert (total.requests, total.succeeded) == (5, 2)
    assert total.errors == {"timeout": 1, "http_503": 2}
    assert total.latency is not None
    assert total.latency.n == 2
    assert total.latency.max == 4.0
    assert total.elapsed_seconds == 9.0
    assert total.output_tokens == 8
    assert total.output_tokens_per_second == pytest.approx(8 / 9)


def test_an_open_loop_counts_from_when_a_request_was_due() -> None:
    late = record(0, 1.0, 3.0, sent=3.5)
    total = summarise(result([late])).total
    assert total.latency is not None
    assert total.latency.mean == 3.0
    assert total.client_delay_max == 2.5


def test_the_lines_of_the_course() -> None:
    total = summarise(result([record(i, 0.0, 1.0 + i) for i in range(4)])).total
    assert summary.module_lines(total) == [
        "requests=4",
        "elapsed_seconds=4.00",
        "requests_per_second=1.00",
        "mean_latency_seconds=2.50",
        "p95_latency_seconds=3.85",
    ]


def test_the_engines_side() -> None:
    samples = (
        sample(
            999.9,
            num_requests_running=0,
            num_requests_waiting=0,
            kv_cache_usage_perc=0,
            prompt_tokens_total=100,
        ),
        sample(1000.5, num_requests_running=4, num_requests_waiting=17, kv_cache_usage_perc=0.98),
        sample(
            1001.5,
            num_requests_running=2,
            num_requests_waiting=1,
            kv_cache_usage_perc=0.5,
            prompt_tokens_total=140,
        ),
    )
    (server,) = summarise(result([record(0, 0.0, 2.0)], samples)).servers
    assert server.waiting == summary.Gauge(mean=6.0, max=17.0)
    assert server.kv_cache_usage is not None
    assert server.kv_cache_usage.max == 0.98
    assert server.prompt_tokens == 40
    assert server.preemptions is None
    assert server.restarts == 0


def test_the_old_name_of_the_cache_metric_is_understood() -> None:
    assert Metrics([sample(0, gpu_cache_usage_perc=0.7)]).last(CACHE) == 0.7


def test_waiting_is_not_mixed_up_with_waiting_by_reason() -> None:
    s = sample(0, num_requests_waiting=3, num_requests_waiting_by_reason=99)
    assert Metrics([s]).last(WAITING) == 3


@given(st.lists(st.lists(st.integers(0, 100), min_size=1, max_size=10), min_size=1, max_size=4))
def test_a_counter_survives_restarts(lives: list[list[int]]) -> None:
    """Each inner list is what one life of the engine counted, step by step, from 0."""
    values: list[int] = []
    for life in lives:
        values += [sum(life[: i + 1]) for i in range(len(life))]
    samples = [sample(i, num_preemptions_total=v) for i, v in enumerate(values)]
    rise = summary.known(lambda: Metrics(samples).increase(PREEMPTIONS))
    if len(values) < 2:
        assert rise is None
        return
    falls = [i for i in range(1, len(values)) if values[i] < values[i - 1]]
    ends = [values[i - 1] for i in falls] + [values[-1]]
    assert rise == sum(ends) - values[0]


@pytest.mark.parametrize(
    ("generated", "errors", "agrees", "words"),
    [
        (4.0, False, True, "the same tokens"),
        (9.0, False, False, "served others"),
        (2.0, False, False, "fewer tokens"),
        (9.0, True, False, "failed requests"),
        (None, False, None, "could not be read"),
    ],
)
def test_client_and_engine_are_held_against_each_other(
    generated: float | None, errors: bool, agrees: bool | None, words: str
) -> None:
    values = {} if generated is None else {"generation_tokens_total": generated}
    start = {} if generated is None else {"generation_tokens_total": 0.0}
    samples = (sample(999, prompt_tokens_total=0, **start), sample(1003, prompt_tokens_total=10, **values))
    records = [record(0, 0.0, 2.0)] + ([record(1, 0.0, 2.0, error="timeout")] if errors else [])
    found = summarise(result(records, samples)).consistency
    assert found.agrees is agrees
    assert words in found.note


def runs(median: float, n: int, seed: int) -> LoadResult:
    rng = random.Random(seed)  # noqa: S311
    return result([record(i, 0.0, rng.lognormvariate(0, 0.3) * median) for i in range(n)])


def test_a_clear_difference_is_told_and_its_direction() -> None:
    better = {r.figure: r.verdict for r in compare(runs(4.0, 80, 1), runs(1.0, 80, 2)).rows}
    worse = {r.figure: r.verdict for r in compare(runs(1.0, 80, 1), runs(4.0, 80, 2)).rows}
    for figure in ("TTFT p50 s", "TTFT p95 s", "latency p50 s", "output tokens/s", "elapsed s"):
        assert (better[figure], worse[figure]) == ("better", "worse"), figure


def test_two_samples_of_one_distribution_are_rarely_told_apart() -> None:
    def values(seed: int) -> list[float]:
        return [r.latency for r in runs(1.0, 80, seed).requests]

    told = [
        percentile_row("all", "latency", 50, values(seed), values(seed + 100)).verdict != "unclear" for seed in range(6)
    ]
    assert statistics.fmean(told) <= 1 / 3


def test_too_few_requests_are_said_to_be_too_few() -> None:
    rows = {r.figure: r for r in compare(runs(4.0, 24, 1), runs(1.0, 24, 2)).rows}
    assert rows["TTFT p50 s"].verdict == "better"
    assert rows["TTFT p95 s"].verdict == "unclear"
    assert rows["TTFT p95 s"].note == "n=24, needs 60"


def test_a_faster_run_that_failed_requests_is_warned_of() -> None:
    good = runs(1.0, 20, 1)
    bad = good.model_copy(update={"requests": (*good.requests, record(99, 0.0, 0.1, error="http_503"))})
    assert any(w.startswith("1 requests of B failed") for w in compare(good, bad).warnings)
    other = good.model_copy(update={"workload": workload.find("chat")})
    assert any(w.startswith("the workloads differ") for w in compare(good, other).warnings)


def test_a_saved_run_comes_back_whole(tmp_path: Path) -> None:
    one = result([record(0, 0.0, 2.0), record(1, 0.5, 2.0, error="timeout", detail="x")], (sample(1, a=1.5),))
    one.save(tmp_path / "a.json")
    assert load(tmp_path / "a.json") == one


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not a result"),
        ("{}", "is not a result"),
        ("[1]", "is not a result"),
        ('{"schema_version": 1}', "has version 1"),
    ],
)
def test_another_file_is_no_run(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(LabError, match=words):
        load(path)
    with pytest.raises(LabError, match="cannot read"):
        load(tmp_path / "none.json")


def test_the_page_needs_nothing_else_and_trusts_no_server() -> None:
    evil = record(1, 0.0, 1.0, error="http_500", detail="<script>alert(1)</script>")
    samples = tuple(
        sample(1000 + i / 4, num_requests_running=i, kv_cache_usage_perc=i / 9, num_preemptions_total=i // 4)
        for i in range(8)
    )
    run = result([record(0, 0.0, 2.0), evil], samples)
    page = html(run, summarise(run))
    assert page.count("<svg") == 4
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "currentColor" in page
    assert 'src="' not in page
    assert "@import" not in page
