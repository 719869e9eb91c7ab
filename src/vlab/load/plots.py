"""Plots of a load run, by title."""

from collections.abc import Callable, Iterable, Sequence

from matplotlib.axes import Axes

from vlab.evidence.metrics import CACHE, PREEMPTIONS, RUNNING, WAITING, Metrics, Point
from vlab.load.result import LoadResult
from vlab.load.summary import known
from vlab.report.svg import COLOURS, INK, lines, svg

Draw = Callable[[Axes, LoadResult], None]

_HEIGHT = 2.8


def plots(result: LoadResult) -> dict[str, str]:
    """SVG elements by title; only those that there is data for."""
    wanted: dict[str, Draw] = {}
    if any(r.ttft is not None for r in result.requests):
        wanted["Time to first token by the time a request was due"] = _ttft
    if any(r.ok for r in result.requests):
        wanted["Share of requests answered within a time"] = _latency
    if len(result.metrics) > 2:
        wanted["Requests in the engine"] = _queue
        wanted["KV cache usage and preemptions"] = _cache
    return {title: _drawn(draw, result, title) for title, draw in wanted.items()}


def _drawn(draw: Draw, result: LoadResult, title: str) -> str:
    return svg(lambda axes: draw(axes, result), title, _HEIGHT)


def _ttft(axes: Axes, result: LoadResult) -> None:
    for traffic, colour in zip(result.workload.classes, COLOURS * 3, strict=False):
        points = [
            (r.intended - result.started, r.ttft)
            for r in result.requests
            if r.class_name == traffic.name and r.ok and r.ttft is not None
        ]
        if points:
            due, waited = zip(*points, strict=True)
            axes.scatter(due, waited, s=14, color=colour, label=traffic.name, alpha=0.8)
    failed = [r.intended - result.started for r in result.requests if not r.ok]
    if failed:
        axes.scatter(failed, [0.0] * len(failed), marker="x", color=INK, label="failed", clip_on=False)
    axes.set(xlabel="seconds", ylabel="TTFT, s", ylim=(0, None))


def _latency(axes: Axes, result: LoadResult) -> None:
    for traffic, colour in zip(result.workload.classes, COLOURS * 3, strict=False):
        values = sorted(r.latency for r in result.requests if r.class_name == traffic.name and r.ok)
        if values:
            axes.ecdf(values, color=colour, label=traffic.name)
    axes.set(xlabel="seconds", ylabel="share", xlim=(0, None), ylim=(0, 1.02))


def _queue(axes: Axes, result: LoadResult) -> None:
    metrics = Metrics(result.metrics)
    for name, label, colour in ((RUNNING, "running", COLOURS[0]), (WAITING, "waiting", COLOURS[1])):
        lines(axes, metrics.points(name) if metrics.has(name) else (), label, colour, result.started)
    axes.set(xlabel="seconds", ylabel="requests", ylim=(0, None))


def _cache(axes: Axes, result: LoadResult) -> None:
    metrics = Metrics(result.metrics)
    lines(axes, metrics.points(CACHE) if metrics.has(CACHE) else (), "KV cache usage", COLOURS[2], result.started)
    for number, t in enumerate(_rises(known(lambda: metrics.risen(PREEMPTIONS)) or ())):
        label = "_" if number else "preemption"  # matplotlib leaves what begins with _ out of the legend
        axes.axvline(t - result.started, color=COLOURS[1], alpha=0.5, linestyle=":", label=label)
    axes.set(xlabel="seconds", ylabel="fraction", ylim=(0, 1.05))


def _rises(points: Sequence[Point]) -> Iterable[float]:
    """Unix times of the samples in which a counter of some engine had risen."""
    before: dict[str, float] = {}
    for point in points:
        if point.value > before.get(point.pod, 0.0):
            yield point.t
        before[point.pod] = point.value
