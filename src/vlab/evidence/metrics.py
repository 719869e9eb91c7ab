"""Works with recorded vLLM metrics: names of every version, windows, counters over restarts, histograms."""

import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, pairwise

from vlab.evidence.models import CannotTell, MetricSample

PREFIX = "vllm:"

RUNNING = "vllm:num_requests_running"
"""Requests in the engine's steps now."""
WAITING = "vllm:num_requests_waiting"
"""Requests that wait for it, those that were preempted among them."""
CACHE = "vllm:kv_cache_usage_perc"
"""The share of the KV cache's blocks that is in use, 0 to 1."""
PREEMPTIONS = "vllm:num_preemptions_total"
"""How often a request lost its place in the KV cache, to begin again."""
PROMPT_TOKENS = "vllm:prompt_tokens_total"
"""Tokens of prompts that were worked through."""
GENERATION_TOKENS = "vllm:generation_tokens_total"
"""Tokens that were generated."""
TTFT = "vllm:time_to_first_token_seconds"
"""A histogram: seconds from a request's arrival to its first token, queue and prefill together."""
LATENCY = "vllm:e2e_request_latency_seconds"
"""A histogram: seconds from a request's arrival to its end."""
SUCCESS = "vllm:request_success_total"
"""Requests that came to their end, by `finished_reason`."""
PREFIX_QUERIES = "vllm:prefix_cache_queries_total"
"""Tokens that were looked up in the prefix cache."""
PREFIX_HITS = "vllm:prefix_cache_hits_total"
"""Tokens that were found there."""
ITL = "vllm:inter_token_latency_seconds"
"""A histogram: seconds from one token of an answer to the next."""
CACHE_CONFIG = "vllm:cache_config_info"
"""Always 1; how many blocks the KV cache has, and how large they are, is in its labels."""


@dataclass(frozen=True)
class Renamed:
    """A metric's name in older versions of vLLM, and what has its place now."""

    old: str
    current: str
    as_rate: bool = False
    """The old one was the current one's rate a second: the same signal, but not the same numbers."""


RENAMED = (
    Renamed("vllm:gpu_cache_usage_perc", "vllm:kv_cache_usage_perc"),
    Renamed("vllm:time_per_output_token_seconds", "vllm:inter_token_latency_seconds"),
    Renamed("vllm:gpu_prefix_cache_queries", "vllm:prefix_cache_queries"),
    Renamed("vllm:gpu_prefix_cache_hits", "vllm:prefix_cache_hits"),
    Renamed("vllm:avg_prompt_throughput_toks_per_s", "vllm:prompt_tokens", as_rate=True),
    Renamed("vllm:avg_generation_throughput_toks_per_s", "vllm:generation_tokens", as_rate=True),
)
"""The one alias table. Names are without the ending that a counter's or a histogram's samples have."""

_SILENT_S = 5.0
"""Longer than a read of an engine's metrics may take, and the pause before the next."""

_ENDINGS = ("_total", "_bucket", "_sum", "_count", "_created")


def split_name(name: str) -> tuple[str, str]:
    """A sample's name as a metric's and its ending: 'vllm:prompt_tokens', '_total'."""
    ending = next((e for e in _ENDINGS if name.endswith(e)), "")
    return name.removesuffix(ending), ending


def current(name: str) -> str:
    """The name of now for a name of any version; one that was never changed stays."""
    base, ending = split_name(name)
    found = next((r for r in RENAMED if r.old == base), None)
    if found is None:
        return name
    return f"{found.current}_total" if found.as_rate else f"{found.current}{ending}"


def aliases(name: str) -> tuple[str, ...]:
    """All names under which the same numbers are found, today's first. A counter is known without _total too."""
    base, ending = split_name(current(name))
    old = [r.old for r in RENAMED if r.current == base and not r.as_rate]
    endings = [ending] if ending else ["", "_total"]
    return tuple(f"{b}{e}" for b in (base, *old) for e in endings)


def parse(text: str, *, buckets: bool = True) -> dict[str, float]:
    """The vllm:* samples of a /metrics page by 'name{label="value",...}', labels in alphabetical order.

    What is not finite is left out: an engine says it only of what it does not know.

    Raises:
        ValueError: it is not in Prometheus' text format.
    """
    from prometheus_client.parser import text_string_to_metric_families

    wanted = "\n".join(line for line in text.splitlines() if _is_wanted(line, buckets)) + "\n"
    return {
        key_of(sample.name, sample.labels): float(sample.value)
        for family in text_string_to_metric_families(wanted)
        for sample in family.samples
        if math.isfinite(sample.value)
    }


def _is_wanted(line: str, buckets: bool) -> bool:
    name = line.partition("{")[0].partition(" ")[0]
    return name.startswith(PREFIX) and (buckets or not name.endswith(("_bucket", "_created")))


def key_of(name: str, labels: Mapping[str, str]) -> str:
    """A sample's key: its name, and its labels in alphabetical order."""
    inside = ",".join(f'{k}="{_escaped(v)}"' for k, v in sorted(labels.items()))
    return f"{name}{{{inside}}}" if inside else name


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


@lru_cache(maxsize=20_000)
def name_and_labels(key: str) -> tuple[str, Mapping[str, str]]:
    """The name and the labels of a key. Do not change the labels: they are remembered."""
    if "{" not in key:
        return key, {}
    from prometheus_client.parser import text_string_to_metric_families

    (family,) = text_string_to_metric_families(f"{key} 0\n")
    return family.samples[0].name, family.samples[0].labels


@dataclass(frozen=True)
class Point:
    """One value of a metric in one pod."""

    t: float
    pod: str
    value: float


@dataclass(frozen=True)
class Metrics:
    """Recorded samples in the order of their time; every figure is about all of them, `between` narrows them.

    `labels` are matched by subset, names of any version. Raises (every figure): CannotTell if the metric was
    not recorded: no figure is ever made up from nothing.
    """

    samples: Sequence[MetricSample]

    def between(self, start: float, end: float) -> "Metrics":
        """Only the samples of a time, in Unix seconds, both ends included."""
        return Metrics([s for s in self.samples if start <= s.t <= end])

    @property
    def pods(self) -> tuple[str, ...]:
        """The pods that were sampled."""
        return tuple(dict.fromkeys(s.pod for s in self.samples))

    def has(self, name: str, labels: Mapping[str, str] | None = None) -> bool:
        """Whether there is any sample of a metric."""
        return any(self._keys(name, labels))

    def series(self, name: str, labels: Mapping[str, str] | None = None) -> dict[tuple[str, str], list[Point]]:
        """Every series of a metric by pod and key, each in the order of time.

        An engine that has a metric under its name of now and an old one says the same twice: one of them is taken.
        """
        by_name = self._keys(name, labels)
        found: dict[tuple[str, str], list[Point]] = {}
        for sample in self.samples:
            for key in next((both for keys in by_name if (both := keys & sample.samples.keys())), ()):
                points = found.setdefault((sample.pod, key), [])
                points.append(Point(sample.t, sample.pod, sample.samples[key]))
        if not found:
            raise CannotTell(f"no sample of {name} was recorded")
        return found

    def points(self, name: str, labels: Mapping[str, str] | None = None) -> list[Point]:
        """A metric of each pod at each time: the sum of its series, of a fraction the highest."""
        combine = max if split_name(name)[0].endswith("_perc") else math.fsum
        return _at_each_time(self.series(name, labels).values(), combine)

    def risen(self, name: str, labels: Mapping[str, str] | None = None) -> list[Point]:
        """How much a counter of each pod has risen so far, at each time; see `increase`."""
        return _at_each_time(self._risen(name, labels).values(), math.fsum)

    def together(self, name: str, labels: Mapping[str, str] | None = None) -> list[Point]:
        """A metric of all pods together, at each time at which any was sampled; `pod` is empty.

        Of a counter it is how much it has risen so far, of a fraction the highest, of anything else the sum. Pods are
        not sampled at one time: each counts with its newest value. One that falls silent counts no longer after a
        while, but for what it has counted.
        """
        base, ending = split_name(name)
        points, silence = (self.risen, math.inf) if ending == "_total" else (self.points, _SILENT_S)
        combine = max if base.endswith("_perc") else math.fsum
        newest: dict[str, Point] = {}
        found = []
        for point in points(name, labels):
            newest[point.pod] = point
            value = combine(p.value for p in newest.values() if point.t - p.t <= silence)
            found.append(Point(point.t, "", value))
        return found

    def max(self, name: str, labels: Mapping[str, str] | None = None) -> float:
        """The highest value in any pod."""
        return max(p.value for p in self.points(name, labels))

    def mean(self, name: str, labels: Mapping[str, str] | None = None) -> float:
        """The mean over all samples of all pods."""
        return statistics.fmean(p.value for p in self.points(name, labels))

    def last(self, name: str, labels: Mapping[str, str] | None = None) -> float:
        """The newest value: of the pod that was sampled last."""
        return self.points(name, labels)[-1].value

    def increase(self, name: str, labels: Mapping[str, str] | None = None) -> float:
        """By how much a counter rose in all pods together.

        A fall is a restart, from which it counts again from 0. A pod that is first seen after others, as after
        a rollout, began at 0.

        Raises:
            CannotTell: there are not two samples to compare.
        """
        return math.fsum(self._increases(name, labels).values())

    def restarts(self, name: str = GENERATION_TOKENS) -> int:
        """How often a counter began again in a pod."""
        every = self.points(name)
        own = ([p.value for p in every if p.pod == pod] for pod in self.pods)
        return sum(later < earlier for values in own for earlier, later in pairwise(values))

    def average(self, name: str, labels: Mapping[str, str] | None = None) -> float:
        """The mean of what a histogram observed, from its _sum and _count.

        Raises:
            CannotTell: it observed nothing.
        """
        base = split_name(name)[0]
        count = self.increase(f"{base}_count", labels)
        if count <= 0:
            raise CannotTell(f"{base} observed nothing in this time")
        return self.increase(f"{base}_sum", labels) / count

    def quantile(self, q: float, name: str, labels: Mapping[str, str] | None = None) -> float:
        """A quantile (0 to 1) of what a histogram observed, interpolated in its bucket as Prometheus does.

        Raises:
            CannotTell: it observed nothing.
        """
        return _in_buckets(q, self.buckets(name, labels))

    def buckets(self, name: str, labels: Mapping[str, str] | None = None) -> list[tuple[float, float]]:
        """How many observations of a histogram were at most each upper bound, in the order of the bounds.

        Raises:
            CannotTell: it observed nothing.
        """
        base = split_name(name)[0]
        cumulated: dict[float, float] = {}
        for (_, key), rise in self._increases(f"{base}_bucket", labels).items():
            bound = float(name_and_labels(key)[1]["le"])
            cumulated[bound] = cumulated.get(bound, 0.0) + rise
        if not cumulated or max(cumulated.values()) <= 0:
            raise CannotTell(f"{base} observed nothing in this time")
        return sorted(cumulated.items())

    def _keys(self, name: str, labels: Mapping[str, str] | None) -> list[set[str]]:
        """The keys of a metric for each of its names."""
        every: set[str] = set()
        every.update(*(s.samples for s in self.samples))
        wanted = (labels or {}).items()
        return [
            {k for k in every if k.partition("{")[0] == known and wanted <= name_and_labels(k)[1].items()}
            for known in aliases(name)
        ]

    def _increases(self, name: str, labels: Mapping[str, str] | None) -> dict[tuple[str, str], float]:
        return {of: points[-1].value for of, points in self._risen(name, labels).items()}

    def _risen(self, name: str, labels: Mapping[str, str] | None) -> dict[tuple[str, str], list[Point]]:
        """Of each series how much it has risen so far."""
        late = set(self._late_pods())
        found = {
            (pod, key): list(_cumulated(points, 0.0 if pod in late else points[0].value))
            for (pod, key), points in self.series(name, labels).items()
            if pod in late or len(points) > 1
        }
        if not found:
            raise CannotTell(f"{name} was sampled only once, which shows no change")
        return found

    def _late_pods(self) -> Iterator[str]:
        """Pods of which there is nothing until after another pod's second sample."""
        first = {pod: next(s.t for s in self.samples if s.pod == pod) for pod in self.pods}
        for pod, t in first.items():
            if any(sum(s.pod == other and s.t < t for s in self.samples) > 1 for other in first):
                yield pod


def _cumulated(points: Iterable[Point], before: float) -> Iterator[Point]:
    total = 0.0
    for point in points:
        total += point.value - before if point.value >= before else point.value
        before = point.value
        yield Point(point.t, point.pod, total)


def _at_each_time(series: Iterable[Iterable[Point]], combine: Callable[[Iterable[float]], float]) -> list[Point]:
    """The series of each pod combined to one."""
    flat = sorted((p for points in series for p in points), key=lambda p: (p.t, p.pod))
    groups = groupby(flat, key=lambda p: (p.t, p.pod))
    return [Point(t, pod, combine(p.value for p in group)) for (t, pod), group in groups]


def _in_buckets(q: float, buckets: Sequence[tuple[float, float]]) -> float:
    """The quantile in (upper bound, cumulated count) pairs; above the last finite bound it is that bound."""
    rank = q * buckets[-1][1]
    below, count = 0.0, 0.0
    for bound, cumulated in buckets:
        if cumulated >= rank and cumulated > count:
            if math.isinf(bound):
                return below
            return below + (bound - below) * (rank - count) / (cumulated - count)
        below, count = bound, cumulated
    return below


def percentile(values: Iterable[float | None], percent: int) -> float:
    """A percentile (1 to 99) of plain numbers, interpolated linearly; None values are left out.

    Raises:
        CannotTell: there is no number.
    """
    known = [v for v in values if v is not None]
    if not known:
        raise CannotTell("there is nothing to take a percentile of")
    if len(known) == 1:
        return known[0]
    return statistics.quantiles(known, n=100, method="inclusive")[percent - 1]
