"""Figures of a load run, as its users and as the engine counted them. Pure.

Percentiles are interpolated linearly between the two nearest ranks (numpy's default method). Latencies are
of requests that succeeded, throughput counts only their tokens; what failed is counted by kind beside them.
"""

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from vlab.evidence import metrics as names
from vlab.evidence.metrics import Metrics
from vlab.evidence.models import CannotTell, MetricSample, Request
from vlab.load.result import LoadResult

Figure = TypeVar("Figure")


class _Figures(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Spread(_Figures):
    """How one quantity (seconds) is spread over `n` values."""

    n: int
    mean: float
    min: float
    p50: float
    p90: float
    p95: float
    p99: float
    max: float


class Group(_Figures):
    """One class, or all. Spreads are None where there was nothing to measure."""

    name: str
    requests: int
    succeeded: int
    errors: dict[str, int]
    """Failed requests by kind."""
    elapsed_seconds: float
    """From when the first request was due to the end of the last."""
    requests_per_second: float
    output_tokens_per_second: float
    prompt_tokens: int
    output_tokens: int
    ttft: Spread | None
    """Time to first token, of streamed answers."""
    inter_token_latency: Spread | None
    """Between one chunk and the next, over all chunks of all answers."""
    time_per_output_token: Spread | None
    """Mean for each answer of the time a token after the first."""
    latency: Spread | None
    """From when a request was due to its end."""
    client_delay_max: float
    """Longest time that a due request waited in this client; near 0 unless the client was overloaded."""


class Gauge(_Figures):
    """A metric that goes up and down, over the run's samples."""

    mean: float
    max: float


class Server(_Figures):
    """What one engine's metrics said during the run; None where it does not have the metric."""

    source: str
    samples: int
    restarts: int
    running: Gauge | None
    waiting: Gauge | None
    kv_cache_usage: Gauge | None
    """A fraction, 0 to 1."""
    preemptions: float | None
    prompt_tokens: float | None
    generation_tokens: float | None
    prefix_cache_hit_ratio: float | None
    """Prompt tokens found in the prefix cache, of those looked up."""
    ttft_mean: float | None
    """Seconds, as the engine measured it: without the network and the edge."""


class Consistency(_Figures):
    """Tokens as the client and as the engines counted them in the same window."""

    client_prompt_tokens: int
    server_prompt_tokens: float | None
    client_output_tokens: int
    server_generation_tokens: float | None
    agrees: bool | None
    """Within 1%; None if the engines' count is not known."""
    note: str


class Summary(_Figures):
    """A whole run."""

    title: str
    total: Group
    classes: tuple[Group, ...]
    not_sent: int
    servers: tuple[Server, ...]
    consistency: Consistency


def summarise(result: LoadResult) -> Summary:
    """The figures of a run."""
    servers = tuple(server(source, samples) for source, samples in by_source(result.metrics).items())
    total = group("all", result.requests)
    return Summary(
        title=result.workload.title,
        total=total,
        classes=tuple(
            group(c.name, [r for r in result.requests if r.class_name == c.name]) for c in result.workload.classes
        ),
        not_sent=result.not_sent,
        servers=servers,
        consistency=consistency(total, servers),
    )


def group(name: str, records: Sequence[Request]) -> Group:
    """The figures of some requests."""
    good = [r for r in records if r.ok]
    elapsed = max(r.end for r in records) - min(r.intended for r in records) if records else 0.0
    tokens = sum(r.output_tokens for r in good)
    return Group(
        name=name,
        requests=len(records),
        succeeded=len(good),
        errors=dict(Counter(r.error for r in records if r.error is not None)),
        elapsed_seconds=elapsed,
        requests_per_second=len(good) / elapsed if elapsed else 0.0,
        output_tokens_per_second=tokens / elapsed if elapsed else 0.0,
        prompt_tokens=sum(r.prompt_tokens or 0 for r in good),
        output_tokens=tokens,
        ttft=spread(r.ttft for r in good),
        inter_token_latency=spread(gap for r in good for gap in r.gaps),
        time_per_output_token=spread(r.time_per_output_token for r in good),
        latency=spread(r.latency for r in good),
        client_delay_max=max((r.sent - r.intended for r in records), default=0.0),
    )


def spread(values: Iterable[float | None]) -> Spread | None:
    """How values are spread, leaving out None; None if there are none."""
    data = sorted(v for v in values if v is not None)
    if not data:
        return None
    cuts = statistics.quantiles(data, n=100, method="inclusive") if len(data) > 1 else data * 99
    return Spread(
        n=len(data),
        mean=statistics.fmean(data),
        min=data[0],
        p50=cuts[49],
        p90=cuts[89],
        p95=cuts[94],
        p99=cuts[98],
        max=data[-1],
    )


def by_source(samples: Iterable[MetricSample]) -> dict[str, list[MetricSample]]:
    """Samples of each engine, in order of time."""
    found: dict[str, list[MetricSample]] = {}
    for sample in samples:
        found.setdefault(sample.pod, []).append(sample)
    return found


def server(source: str, samples: Sequence[MetricSample]) -> Server:
    """What one engine said."""
    metrics = Metrics(samples)

    def rise(name: str) -> float | None:
        return known(lambda: metrics.increase(name))

    return Server(
        source=source,
        samples=len(samples),
        restarts=known(lambda: metrics.restarts()) or 0,
        running=gauge(metrics, names.RUNNING),
        waiting=gauge(metrics, names.WAITING),
        kv_cache_usage=gauge(metrics, names.CACHE),
        preemptions=rise(names.PREEMPTIONS),
        prompt_tokens=rise(names.PROMPT_TOKENS),
        generation_tokens=rise(names.GENERATION_TOKENS),
        prefix_cache_hit_ratio=_ratio(rise(names.PREFIX_HITS), rise(names.PREFIX_QUERIES)),
        ttft_mean=known(lambda: metrics.average(names.TTFT)),
    )


def known(figure: Callable[[], Figure]) -> Figure | None:
    """A figure; None where it cannot be told."""
    try:
        return figure()
    except CannotTell:
        return None


def gauge(metrics: Metrics, name: str) -> Gauge | None:
    """Mean and maximum of a gauge's samples; None if there are none."""
    return known(lambda: Gauge(mean=metrics.mean(name), max=metrics.max(name)))


def _ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def consistency(total: Group, servers: Sequence[Server]) -> Consistency:
    """Whether the client and the engines counted the same tokens, and what it may mean if not."""
    prompt = _sum(s.prompt_tokens for s in servers)
    generated = _sum(s.generation_tokens for s in servers)
    agrees = None
    if prompt is not None and generated is not None:
        agrees = _near(total.prompt_tokens, prompt) and _near(total.output_tokens, generated)
    return Consistency(
        client_prompt_tokens=total.prompt_tokens,
        server_prompt_tokens=prompt,
        client_output_tokens=total.output_tokens,
        server_generation_tokens=generated,
        agrees=agrees,
        note=_note(agrees, total, generated, sum(s.restarts for s in servers)),
    )


def _sum(values: Iterable[float | None]) -> float | None:
    known = list(values)
    return sum(v for v in known if v is not None) if known and None not in known else None


def _near(a: float, b: float) -> bool:
    return abs(a - b) <= 0.01 * max(a, b)


def _note(agrees: bool | None, total: Group, generated: float | None, restarts: int) -> str:
    if agrees is None:
        return "the engine's token counters could not be read"
    if agrees:
        return "client and engine counted the same tokens, within 1%"
    if restarts:
        return "the engine restarted during the run, so its counters lost some"
    if total.errors:
        return "failed requests have tokens that only the engine counted"
    if generated is not None and generated > total.output_tokens:
        return "the engine served others too during this run"
    return "the engine counted fewer tokens: are these the metrics of the engine that answered?"


def module_lines(group: Group) -> list[str]:
    """The figures that the course's load test prints, in its form."""
    latency = group.latency
    return [
        f"requests={group.succeeded}",
        f"elapsed_seconds={group.elapsed_seconds:.2f}",
        f"requests_per_second={group.requests_per_second:.2f}",
        f"mean_latency_seconds={latency.mean:.2f}" if latency else "mean_latency_seconds=nan",
        f"p95_latency_seconds={latency.p95:.2f}" if latency else "p95_latency_seconds=nan",
    ]
