"""Plots of a load run as SVG text that takes its text colour from the page it stands in."""

import io
from collections.abc import Callable, Sequence
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vlab.load import metrics
from vlab.load.result import LoadResult, MetricSample
from vlab.load.summary import by_source

_COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
)  # told apart by colour-blind eyes
_INK = "#123456"  # stands for the page's own text colour until the SVG is written
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "vlab",
    "font.size": 10,
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.2,
    "grid.color": _INK,
    "legend.frameon": False,
}

Draw = Callable[[Axes, LoadResult], None]


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
    return {title: _svg(draw, result) for title, draw in wanted.items()}


def _svg(draw: Draw, result: LoadResult) -> str:
    with rc_context(_STYLE):
        figure = Figure(figsize=(7.2, 2.8), layout="constrained")
        axes = figure.add_subplot()
        draw(axes, result)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="best")
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    whole = text.getvalue()
    return whole[whole.index("<svg") :].replace(_INK, "currentColor")


def _ttft(axes: Axes, result: LoadResult) -> None:
    for traffic, colour in zip(result.workload.classes, _COLOURS * 3, strict=False):
        points = [
            (r.intended, r.ttft)
            for r in result.requests
            if r.class_name == traffic.name and r.ok and r.ttft is not None
        ]
        if points:
            due, waited = zip(*points, strict=True)
            axes.scatter(due, waited, s=14, color=colour, label=traffic.name, alpha=0.8)
    failed = [r.intended for r in result.requests if not r.ok]
    if failed:
        axes.scatter(failed, [0.0] * len(failed), marker="x", color="#cc0000", label="failed")
    axes.set(xlabel="seconds", ylabel="TTFT, s", ylim=(0, None))


def _latency(axes: Axes, result: LoadResult) -> None:
    for traffic, colour in zip(result.workload.classes, _COLOURS * 3, strict=False):
        values = sorted(r.latency for r in result.requests if r.class_name == traffic.name and r.ok)
        if values:
            axes.ecdf(values, color=colour, label=traffic.name)
    axes.set(xlabel="seconds", ylabel="share", xlim=(0, None), ylim=(0, 1.02))


def _queue(axes: Axes, result: LoadResult) -> None:
    for number, samples in enumerate(by_source(result.metrics).values(), 1):
        for name, label, colour in (
            (metrics.RUNNING, "running", _COLOURS[0]),
            (metrics.WAITING, "waiting", _COLOURS[1]),
        ):
            points = [(s.time - result.started, metrics.total(s, name)) for s in samples]
            _line(axes, points, number, label, colour)
    axes.set(xlabel="seconds", ylabel="requests", ylim=(0, None))


def _cache(axes: Axes, result: LoadResult) -> None:
    for number, samples in enumerate(by_source(result.metrics).values(), 1):
        points = [(s.time - result.started, metrics.highest(s, metrics.KV_CACHE_USAGE)) for s in samples]
        _line(axes, points, number, "KV cache usage", _COLOURS[2])
        rises = _rises(samples, metrics.PREEMPTIONS)
        for at in rises:
            axes.axvline(at - result.started, color=_COLOURS[1], alpha=0.5, linestyle=":")
        if rises:
            axes.plot([], [], color=_COLOURS[1], linestyle=":", label=_numbered("preemption", number))
    axes.set(xlabel="seconds", ylabel="fraction", ylim=(0, 1.05))


def _line(axes: Axes, points: Sequence[tuple[float, float | None]], number: int, label: str, colour: str) -> None:
    known = [(t, v) for t, v in points if v is not None]
    if known:
        times, values = zip(*known, strict=True)
        style = "-" if number == 1 else "--"
        axes.plot(times, values, style, color=colour, label=_numbered(label, number), drawstyle="steps-post")


def _numbered(label: str, number: int) -> str:
    return label if number == 1 else f"{label}, engine {number}"


def _rises(samples: Sequence[MetricSample], name: str) -> list[float]:
    """Unix times of the samples in which a counter had risen."""
    found, before = [], None
    for sample in samples:
        value = metrics.total(sample, name)
        if value is not None and before is not None and value > before:
            found.append(sample.time)
        before = value if value is not None else before
    return found
