"""The figures of a recorded run that a text may cite: by name, and each with its statistic, before and after."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from vlab.evidence import Evidence, Measured, Object, Request, Stream
from vlab.evidence import metrics as names
from vlab.evidence.metrics import Metrics
from vlab.load.summary import Spread, group, known, spread
from vlab.rubric.units import mebibytes
from vlab.settings import GPU

When = Literal["before", "after"]
Part = TypeVar("Part")

RUNTIME_SHM_MIB = 64.0
"""What a container runtime gives at /dev/shm where nothing is mounted."""


@dataclass(frozen=True)
class Figure:
    """One number of the run that a text may cite: seconds, MiB, tokens a second, a fraction, or a count."""

    metric: str
    """As the vocabulary calls it: waiting, running, cache, preemptions, ttft, latency, throughput, chunks ..."""
    statistic: str
    """max, mean, min, p50, p90, p95, p99, delta, rate, or value where there is only one."""
    value: float
    of: str = ""
    """Whose: a class of the load, that class `alone`, or a path of a stream: direct, edge."""
    when: When = "before"


@dataclass(frozen=True)
class Named:
    """A figure as figures() calls it."""

    metric: str
    statistic: str
    of: str = ""
    scale: float = 1.0

    def in_(self, found: Iterable[Figure]) -> float | None:
        """Its value on the faulty deployment; None if it was not recorded."""
        own = (self.metric, self.statistic, self.of, "before")
        return next((f.value * self.scale for f in found if (f.metric, f.statistic, f.of, f.when) == own), None)


NAMES = {
    "kv_usage_max": Named("cache", "max"),
    "kv_usage_max_pct": Named("cache", "max", scale=100.0),
    "waiting_max": Named("waiting", "max"),
    "running_max": Named("running", "max"),
    "preemptions": Named("preemptions", "delta"),
    "ttft_p50_s": Named("ttft", "p50"),
    "ttft_p95_s": Named("ttft", "p95"),
    "ttft_p95_ms": Named("ttft", "p95", scale=1000.0),
    "throughput_tok_s": Named("throughput", "rate"),
    "mean_latency_s": Named("latency", "mean"),
    "p95_latency_s": Named("latency", "p95"),
    "chat_ttft_p95_alone_s": Named("ttft", "p95", "chat alone"),
    "chat_ttft_p95_mixed_s": Named("ttft", "p95", "chat"),
    "direct_chunks": Named("chunks", "value", "direct"),
    "edge_chunks": Named("chunks", "value", "edge"),
    "events": Named("events", "value", "direct"),
    "edge_first_chunk_s": Named("first_chunk", "value", "edge"),
    "direct_first_chunk_ms": Named("first_chunk", "value", "direct", scale=1000.0),
    "shm_mib": Named("shm", "value"),
}
"""Every name that figures() may have. A run has those of them that were measured for its scenario."""

COUNTS = frozenset(
    {"waiting", "running", "preemptions", "chunks", "events", "shm", "restarts", "exit_code", "requests"}
)
"""Metrics that are whole numbers."""


def figures(evidence: Evidence) -> dict[str, float]:
    """The figures of the faulty deployment by their names: counts whole, others as a reader would round them."""
    found = table(evidence)
    every = {name: named.in_(found) for name, named in NAMES.items()}
    return {name: _readable(NAMES[name].metric, value) for name, value in every.items() if value is not None}


def _readable(metric: str, value: float) -> float:
    """A count is an int; others have two decimals, and two digits of what is small."""
    if metric in COUNTS:
        return round(value)
    return round(value, 2) if value >= 0.1 else float(f"{value:.2g}")


def table(evidence: Evidence) -> tuple[Figure, ...]:
    """Every figure of the run.

    `before` is what was measured on the faulty deployment, `after` what was at the grading. Where nothing was measured
    before, what was measured is both: such a run is the faulty one's own.
    """
    return (
        *_twice(known(lambda: evidence.before), known(lambda: evidence.after), _of_load),
        *_twice(known(lambda: evidence.stream_before), known(lambda: evidence.stream), _of_stream),
        *_twice(known(lambda: evidence.start), known(lambda: evidence.objects), _of_objects),
    )


def _twice(
    before: Part | None, after: Part | None, figures_of: Callable[[Part, When], Iterator[Figure]]
) -> Iterator[Figure]:
    if before is not None or after is not None:
        yield from figures_of(before if before is not None else after, "before")  # type: ignore[arg-type]
    if after is not None:
        yield from figures_of(after, "after")


def _of_load(load: Measured, when: When) -> Iterator[Figure]:
    metrics = Metrics(load.metrics)
    for metric, name in (("waiting", names.WAITING), ("running", names.RUNNING), ("cache", names.CACHE)):
        points = known(lambda name=name: metrics.points(name))  # type: ignore[misc]
        yield from _spread(metric, spread(p.value for p in points or ()), "", when)
    preemptions = known(lambda: metrics.increase(names.PREEMPTIONS))
    if preemptions is not None:
        yield Figure("preemptions", "delta", preemptions, "", when)
    yield from _of_requests(load.requests, "", when)
    classes = tuple(dict.fromkeys(r.class_name for r in load.requests))
    for name in classes if len(classes) > 1 else ():
        own = [r for r in load.requests if r.class_name == name]
        yield from _of_requests(own, name, when)
        others = [r for r in load.requests if r.class_name != name]
        yield from _of_requests([r for r in own if not _behind_any(r, others)], f"{name} alone", when)


def _behind_any(request: Request, others: Iterable[Request]) -> bool:
    """Whether another one had been sent before it, and was not done."""
    return any(other.sent < request.sent < other.end for other in others)


def _of_requests(requests: Sequence[Request], of: str, when: When) -> Iterator[Figure]:
    if not requests:
        return
    whole = group(of, requests)
    yield from _spread("ttft", whole.ttft, of, when)
    yield from _spread("latency", whole.latency, of, when)
    yield from _spread("gap", whole.time_per_output_token, of, when)
    yield Figure("throughput", "rate", whole.output_tokens_per_second, of, when)
    if whole.elapsed_seconds:
        both_ways = (whole.prompt_tokens + whole.output_tokens) / whole.elapsed_seconds
        yield Figure("throughput", "rate of both", both_ways, of, when)
    yield Figure("request_rate", "rate", whole.requests_per_second, of, when)
    yield Figure("elapsed", "value", whole.elapsed_seconds, of, when)
    yield Figure("requests", "value", whole.requests, of, when)
    yield Figure("errors", "value", whole.requests - whole.succeeded, of, when)


def _spread(metric: str, found: Spread | None, of: str, when: When) -> Iterator[Figure]:
    if found is not None:
        for statistic, value in found.model_dump(exclude={"n"}).items():
            yield Figure(metric, statistic, value, of, when)


def _of_stream(stream: Stream, when: When) -> Iterator[Figure]:
    for of, path in (("direct", stream.direct), ("edge", stream.edge)):
        if path is None or path.first_chunk is None:
            continue
        yield Figure("chunks", "value", path.reads, of, when)
        yield Figure("events", "value", path.events, of, when)
        yield Figure("first_chunk", "value", path.first_chunk, of, when)
        yield Figure("latency", "value", path.seconds, of, when)


def _of_objects(objects: Sequence[Object], when: When) -> Iterator[Figure]:
    pods = [o for o in objects if o["kind"] == "Pod"]
    containers = [c for pod in pods for c in pod["status"].get("containerStatuses", ())]
    yield Figure("restarts", "value", sum(c["restartCount"] for c in containers), "", when)
    ended = [c["lastState"]["terminated"] for c in containers if c.get("lastState", {}).get("terminated")]
    for code in {e["exitCode"] for e in ended}:
        yield Figure("exit_code", "value", code, "", when)
    for size in {
        _shm_mib(container, pod) for pod in pods for container in pod["spec"]["containers"] if _has_gpu(container)
    }:
        yield Figure("shm", "value", size, "", when)


def _has_gpu(container: Object) -> bool:
    return GPU in container.get("resources", {}).get("limits", {})


def _shm_mib(container: Object, pod: Object) -> float:
    """How large /dev/shm is in a container; 0 where a volume without a size of its own is mounted there."""
    shared = "/dev/shm"  # noqa: S108
    mounted = {m["mountPath"].rstrip("/"): m["name"] for m in container.get("volumeMounts", ())}
    volume = next((v for v in pod["spec"].get("volumes", ()) if v["name"] == mounted.get(shared)), None)
    size = ((volume or {}).get("emptyDir") or {}).get("sizeLimit")
    return RUNTIME_SHM_MIB if volume is None else mebibytes(size) if size else 0.0
