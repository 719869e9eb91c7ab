"""Compares two load runs: the ratio of each figure, which run is better, and whether the data can tell."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from vlab.evidence.models import Request
from vlab.load.result import LoadResult
from vlab.load.summary import Gauge, Summary, group, summarise
from vlab.load.workload import canonical

_RESAMPLES = 1000
_MIN_REQUESTS = 10
_MIN_BEYOND = 3
"""So many values must lie beyond a percentile, or it rests on one or two requests: 60 requests for p95."""
_NOISE = 0.10
"""A figure that a run has one value of must differ by more to be called better or worse."""

Verdict = Literal["better", "worse", "unclear"]


class Row(BaseModel):
    """One figure of two runs. `ratio` is b / a; `interval` its 95% bootstrap interval over requests."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: str
    figure: str
    lower_is_better: bool
    a: float | None
    b: float | None
    ratio: float | None
    interval: tuple[float, float] | None
    verdict: Verdict
    """Of b against a."""
    note: str


class Comparison(BaseModel):
    """Two runs side by side."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: tuple[Row, ...]
    warnings: tuple[str, ...]
    """Why the runs may not be comparable."""


_PER_REQUEST: tuple[tuple[str, Callable[[Request], float | None]], ...] = (
    ("TTFT", lambda r: r.ttft),
    ("TPOT", lambda r: r.time_per_output_token),
    ("latency", lambda r: r.latency),
)

_PER_RUN: tuple[tuple[str, bool, Callable[[Summary], float | None]], ...] = (
    ("output tokens/s", False, lambda s: s.total.output_tokens_per_second),
    ("requests/s", False, lambda s: s.total.requests_per_second),
    ("elapsed s", True, lambda s: s.total.elapsed_seconds),
    ("failed requests", True, lambda s: s.total.requests - s.total.succeeded),
    ("waiting, max", True, lambda s: _highest(v.waiting for v in s.servers)),
    ("KV cache usage, max", True, lambda s: _highest(v.kv_cache_usage for v in s.servers)),
    ("preemptions", True, lambda s: _total(v.preemptions for v in s.servers)),
)


def compare(a: LoadResult, b: LoadResult) -> Comparison:
    """Run b against run a."""
    before, after = summarise(a), summarise(b)
    rows = [run_row(name, lower, get(before), get(after)) for name, lower, get in _PER_RUN]
    names = [c.name for c in a.workload.classes if c.name in {d.name for d in b.workload.classes}]
    for name in names:
        rows += _class_rows(name, _good(a, name), _good(b, name))
    return Comparison(rows=tuple(rows), warnings=tuple(_warnings(a, b, before, after)))


def run_row(figure: str, lower_is_better: bool, a: float | None, b: float | None) -> Row:
    """A figure that each run has one value of."""
    ratio = b / a if a and b is not None else None
    verdict: Verdict = "unclear"
    note = "one value a run"
    if a is None or b is None:
        note = "not measured in both"
    elif abs(b - a) > _NOISE * max(abs(a), abs(b)):
        verdict = "better" if (b < a) == lower_is_better else "worse"
    elif a == b:
        note = "equal"
    return Row(
        group="all",
        figure=figure,
        lower_is_better=lower_is_better,
        a=a,
        b=b,
        ratio=ratio,
        interval=None,
        verdict=verdict,
        note=note,
    )


def percentile_row(name: str, figure: str, q: int, a: Sequence[float], b: Sequence[float]) -> Row:
    """The q-th percentile (lower is better) of values by request."""
    import numpy as np

    low, high = float(np.percentile(a, q)), float(np.percentile(b, q))
    n = min(len(a), len(b))
    needed = max(_MIN_REQUESTS, round(_MIN_BEYOND * 100 / (100 - q)))
    interval = bootstrap(a, b, q) if n >= needed and low > 0 else None
    verdict: Verdict = "unclear"
    if interval is not None and interval[1] < 1:
        verdict = "better"
    elif interval is not None and interval[0] > 1:
        verdict = "worse"
    return Row(
        group=name,
        figure=f"{figure} p{q} s",
        lower_is_better=True,
        a=low,
        b=high,
        ratio=high / low if low else None,
        interval=interval,
        verdict=verdict,
        note=f"n={n}" if n >= needed else f"n={n}, needs {needed}",
    )


def bootstrap(a: Sequence[float], b: Sequence[float], q: int) -> tuple[float, float] | None:
    """95% interval of the ratio of the q-th percentiles, by drawing requests again with replacement."""
    import numpy as np

    rng = np.random.default_rng(0)
    one, two = np.asarray(a), np.asarray(b)
    tops = [np.percentile(rng.choice(two, two.size), q) for _ in range(_RESAMPLES)]
    bottoms = [np.percentile(rng.choice(one, one.size), q) for _ in range(_RESAMPLES)]
    if min(bottoms) <= 0:
        return None
    low, high = np.percentile(np.divide(tops, bottoms), [2.5, 97.5])
    return float(low), float(high)


def _class_rows(name: str, a: list[Request], b: list[Request]) -> Iterable[Row]:
    for figure, value in _PER_REQUEST:
        one = [v for v in map(value, a) if v is not None]
        two = [v for v in map(value, b) if v is not None]
        if one and two:
            yield from (percentile_row(name, figure, q, one, two) for q in (50, 95))


def _good(result: LoadResult, name: str) -> list[Request]:
    return [r for r in result.requests if r.class_name == name and r.ok]


def _warnings(a: LoadResult, b: LoadResult, before: Summary, after: Summary) -> Iterable[str]:
    if canonical(a.workload) != canonical(b.workload):
        yield "the workloads differ: the ratios compare two loads, not two servers"
    if {t.model for t in a.targets.values()} != {t.model for t in b.targets.values()}:
        yield "the models differ"
    for name, summary in (("A", before), ("B", after)):
        failed = summary.total.requests - summary.total.succeeded + summary.not_sent
        if failed:
            yield f"{failed} requests of {name} failed or were not sent; its latencies are of the rest"
        if summary.total.client_delay_max > 0.1:
            yield f"the client of {name} was late by up to {summary.total.client_delay_max:.2f} s: overloaded"
    hits = [max((s.prefix_cache_hit_ratio or 0.0 for s in v.servers), default=0.0) for v in (before, after)]
    if abs(hits[0] - hits[1]) > 0.1:
        yield f"prefix cache hits differ ({hits[0]:.0%} and {hits[1]:.0%}): one run's prompts were known"
    tokens = [_tokens_each(a), _tokens_each(b)]
    if abs(tokens[0] - tokens[1]) > 0.02 * max(tokens):
        yield f"answers differ in length ({tokens[0]:.0f} and {tokens[1]:.0f} tokens each)"
    yield "requests of one run share a queue: trust a small difference only when repeated runs show it"


def _tokens_each(result: LoadResult) -> float:
    total = group("all", result.requests)
    return total.output_tokens / total.succeeded if total.succeeded else 0.0


def _highest(gauges: Iterable[Gauge | None]) -> float | None:
    return max((g.max for g in gauges if g is not None), default=None)


def _total(values: Iterable[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) if known else None
