"""Metrics: names of every version, windows, counters over restarts, histograms; nothing made up from nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlab.evidence import CannotTell, MetricSample
from vlab.evidence.metrics import RENAMED, Metrics, aliases, current, key_of, name_and_labels, parse, percentile

PAGE = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m \\"x\\" {1}"} 4.0
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{engine="0"} 0.88
# TYPE vllm:num_preemptions_total counter
vllm:num_preemptions_total{engine="0"} 18.0
vllm:num_preemptions_created{engine="0"} 1.76e+09
# TYPE vllm:time_to_first_token_seconds histogram
vllm:time_to_first_token_seconds_bucket{le="0.5"} 1.0
vllm:time_to_first_token_seconds_bucket{le="+Inf"} 4.0
vllm:time_to_first_token_seconds_sum 14.0
vllm:time_to_first_token_seconds_count 4.0
# TYPE vllm:odd gauge
vllm:odd NaN
# TYPE python_gc_objects_collected_total counter
python_gc_objects_collected_total{generation="0"} 1.0
"""


OLD_HITS, NEW_HITS = "vllm:gpu_prefix_cache_hits_total", "vllm:prefix_cache_hits_total"


def series(*values, name="vllm:x", pod="a", start=0.0):
    return [MetricSample(t=start + i, pod=pod, samples={name: v}) for i, v in enumerate(values)]


def test_a_page_is_parsed_to_finite_vllm_samples():
    found = parse(PAGE)
    assert found['vllm:kv_cache_usage_perc{engine="0"}'] == 0.88
    assert found['vllm:time_to_first_token_seconds_bucket{le="+Inf"}'] == 4.0
    assert all(key.startswith("vllm:") for key in found)
    assert "vllm:odd" not in found
    assert not [key for key in parse(PAGE, buckets=False) if "_bucket" in key or "_created" in key]
    with pytest.raises(ValueError, match=r".+"):
        parse('vllm:x{a="b} what')


labels = st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), st.text(max_size=10), max_size=3)


@given(labels)
def test_labels_survive_in_a_key_whatever_is_in_them(found):
    assert name_and_labels(key_of("vllm:x", found)) == ("vllm:x", found)


@pytest.mark.parametrize(
    ("old", "now"),
    [
        ("vllm:gpu_cache_usage_perc", "vllm:kv_cache_usage_perc"),
        ("vllm:time_per_output_token_seconds", "vllm:inter_token_latency_seconds"),
        ("vllm:time_per_output_token_seconds_sum", "vllm:inter_token_latency_seconds_sum"),
        ("vllm:gpu_prefix_cache_hits_total", "vllm:prefix_cache_hits_total"),
        ("vllm:avg_generation_throughput_toks_per_s", "vllm:generation_tokens_total"),
        ("vllm:num_requests_waiting", "vllm:num_requests_waiting"),
    ],
)
def test_the_name_of_now(old, now):
    assert current(old) == now
    assert current(now) == now


endings = st.sampled_from(["", "_total", "_sum", "_count", "_bucket"])
renamed = st.sampled_from([r for r in RENAMED if not r.as_rate])


@given(renamed, endings)
def test_old_and_new_names_find_each_other(found, ending):
    old, now = f"{found.old}{ending}", f"{found.current}{ending}"
    assert aliases(old) == aliases(now)
    assert {old, now} <= set(aliases(now))
    for recorded, asked in ((old, now), (now, old)):
        assert Metrics(series(3.0, 5.0, name=recorded)).max(asked) == 5.0


def test_a_rate_is_not_taken_for_its_counter():
    with pytest.raises(CannotTell):
        Metrics(series(300.0, name="vllm:avg_prompt_throughput_toks_per_s")).last("vllm:prompt_tokens_total")


def test_a_counter_is_known_without_its_ending():
    assert Metrics(series(1, 4, name="vllm:num_preemptions_total")).increase("vllm:num_preemptions") == 3


def test_an_engine_that_says_the_same_under_two_names_is_counted_once():
    both = [MetricSample(t=t, pod="a", samples={OLD_HITS: v, NEW_HITS: v}) for t, v in ((0, 1.0), (1, 4.0))]
    assert Metrics(both).increase("vllm:prefix_cache_hits_total") == 3
    upgraded = [*series(1.0, 4.0, name=OLD_HITS, pod="a"), *series(1.0, 3.0, name=NEW_HITS, pod="b")]
    assert Metrics(upgraded).increase(NEW_HITS) == 5


def test_restarts_are_counted_in_each_pod():
    name = "vllm:generation_tokens_total"
    assert Metrics(series(1, 5, 2, 3, 0, name=name)).restarts() == 2
    assert Metrics([*series(9, 9, name=name, pod="a"), *series(1, 2, name=name, pod="b", start=5)]).restarts() == 0


def test_labels_are_matched_by_subset():
    reason = 'vllm:num_requests_waiting_by_reason{engine="0",reason="%s"}'
    sample = MetricSample(t=0, pod="a", samples={reason % "capacity": 3, reason % "deferred": 1})
    metrics = Metrics([sample])
    assert metrics.last("vllm:num_requests_waiting_by_reason", {"reason": "capacity"}) == 3
    assert metrics.last("vllm:num_requests_waiting_by_reason", {"engine": "0"}) == 4
    assert not metrics.has("vllm:num_requests_waiting_by_reason", {"reason": "none"})


def test_fractions_of_engines_are_not_added_up():
    sample = MetricSample(t=0, pod="a", samples={f'vllm:kv_cache_usage_perc{{engine="{i}"}}': 0.6 for i in range(2)})
    assert Metrics([sample]).max("vllm:gpu_cache_usage_perc") == 0.6


def test_max_mean_and_last_in_a_window():
    metrics = Metrics(series(1, 9, 2, 4))
    assert (metrics.max("vllm:x"), metrics.mean("vllm:x"), metrics.last("vllm:x")) == (9, 4, 4)
    assert metrics.between(2, 3).max("vllm:x") == 4
    with pytest.raises(CannotTell, match="no sample of vllm:x"):
        metrics.between(10, 20).max("vllm:x")


@pytest.mark.parametrize("figure", ["max", "mean", "last", "increase", "average"])
def test_no_figure_is_made_from_nothing(figure):
    with pytest.raises(CannotTell):
        getattr(Metrics([]), figure)("vllm:x")
    with pytest.raises(CannotTell):
        Metrics([]).quantile(0.5, "vllm:x")


def test_one_sample_shows_no_increase():
    with pytest.raises(CannotTell, match="only once"):
        Metrics(series(5.0)).increase("vllm:x")


def test_a_counter_goes_on_over_restarts_of_its_container_and_of_its_pod():
    assert Metrics(series(10, 12, 1, 3)).increase("vllm:x") == 5
    rollout = [*series(10, 12, pod="old"), *series(4, 7, pod="new", start=5)]
    assert Metrics(rollout).increase("vllm:x") == 2 + 7
    assert [(p.pod, p.value) for p in Metrics(rollout).risen("vllm:x")] == [
        ("old", 0),
        ("old", 2),
        ("new", 4),
        ("new", 7),
    ]


def test_two_pods_seen_from_the_start_are_compared_with_their_own_start():
    beside = [s for pair in zip(series(100, 101, pod="a"), series(50, 52, pod="b"), strict=True) for s in pair]
    assert Metrics(beside).increase("vllm:x") == 3


@given(st.lists(st.integers(0, 50), min_size=2, max_size=20), st.sets(st.integers(1, 19)))
def test_an_increase_is_the_sum_of_all_steps_whatever_restarts(steps, restarts):
    values, now = [], 0
    for i, step in enumerate(steps):
        now = step if i in restarts else now + step
        values.append(float(now))
    found = Metrics(series(*values)).increase("vllm:x")
    assert 0 <= found <= sum(steps[1:])
    if not restarts & set(range(len(steps))):
        assert found == sum(steps[1:])


def histogram(t, counts, total):
    bounds = ("0.1", "0.5", "1.0", "+Inf")
    samples = {f'vllm:ttft_bucket{{le="{b}"}}': c for b, c in zip(bounds, counts, strict=True)}
    return MetricSample(t=t, pod="a", samples={**samples, "vllm:ttft_sum": total, "vllm:ttft_count": counts[-1]})


def test_average_and_quantile_are_of_the_window_only():
    metrics = Metrics([histogram(0, (90, 90, 90, 90), 1.0), histogram(1, (90, 94, 100, 100), 7.0)])
    assert metrics.average("vllm:ttft") == pytest.approx(0.6)
    assert metrics.quantile(0.4, "vllm:ttft") == pytest.approx(0.5)
    assert metrics.quantile(0.7, "vllm:ttft") == pytest.approx(0.75)
    assert metrics.quantile(0.2, "vllm:ttft") == pytest.approx(0.3)


def test_a_quantile_above_the_last_bound_is_that_bound():
    metrics = Metrics([histogram(0, (0, 0, 0, 0), 0.0), histogram(1, (0, 0, 1, 10), 90.0)])
    assert metrics.quantile(0.95, "vllm:ttft") == 1.0


def test_a_histogram_that_observed_nothing_tells_nothing():
    metrics = Metrics([histogram(0, (1, 1, 1, 1), 1.0), histogram(1, (1, 1, 1, 1), 1.0)])
    for figure in (lambda: metrics.average("vllm:ttft"), lambda: metrics.quantile(0.5, "vllm:ttft")):
        with pytest.raises(CannotTell, match="observed nothing"):
            figure()


def test_percentiles_leave_out_what_is_not_there():
    assert percentile([3.0, None, 1.0, 2.0], 50) == 2.0
    assert percentile([7.0], 95) == 7.0
    with pytest.raises(CannotTell):
        percentile([None], 95)


def test_pods_together_count_with_their_newest_values():
    beside = sorted([*series(1, 2, 3, pod="a"), *series(10, 20, pod="b", start=0.5)], key=lambda s: s.t)
    together = [(p.t, p.value) for p in Metrics(beside).together("vllm:x")]
    assert together == [(0, 1), (0.5, 11), (1, 12), (1.5, 22), (2, 23)]
    counters = [s.model_copy(update={"samples": {"vllm:y_total": s.samples["vllm:x"]}}) for s in beside]
    assert [p.value for p in Metrics(counters).together("vllm:y_total")] == [0, 0, 1, 11, 12]
    shares = [s.model_copy(update={"samples": {"vllm:z_perc": s.samples["vllm:x"]}}) for s in beside]
    assert [p.value for p in Metrics(shares).together("vllm:z_perc")] == [1, 10, 10, 20, 20]


def test_a_pod_that_fell_silent_is_no_more_in_the_queue_but_what_it_counted_stays():
    beside = sorted([*series(5, 7, pod="gone"), *series(*[1] * 9, pod="stays", start=0.5)], key=lambda s: s.t)
    assert [p.value for p in Metrics(beside).together("vllm:x")] == [5, 6, *[8] * 6, *[1] * 3]
    counters = [s.model_copy(update={"samples": {"vllm:y_total": s.samples["vllm:x"]}}) for s in beside]
    assert [p.value for p in Metrics(counters).together("vllm:y_total")][-1] == 2
