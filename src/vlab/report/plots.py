"""What evidence shows over time, drawn: only that of which there is something."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from vlab.evidence import CannotTell, Evidence, Request, StreamPath
from vlab.evidence.metrics import CACHE, PREEMPTIONS, RUNNING, WAITING, Metrics, percentile
from vlab.report.svg import COLOURS, INK, lines, svg


@dataclass(frozen=True)
class Plot:
    """One drawing, with the same in words."""

    title: str
    summary: str
    svg: str


def plots(evidence: Evidence) -> list[Plot]:
    """Every plot that the evidence has something for."""
    found = []
    for make in (_queue, _cache, _preemptions, _ttft, _stream):
        try:
            found.append(make(evidence))
        except CannotTell:
            continue
    return found


def _plot(title: str, summary: str, draw: Callable[[Axes], None], height: float = 2.6) -> Plot:
    return Plot(title, summary, svg(draw, f"{title}. {summary}", height))


def _queue(evidence: Evidence) -> Plot:
    metrics = Metrics(evidence.metrics)
    named = {"running": metrics.points(RUNNING), "waiting": metrics.points(WAITING)}
    highest = ", ".join(f"{max(p.value for p in points):g} {name}" for name, points in named.items())

    def draw(axes: Axes) -> None:
        for (name, points), colour in zip(named.items(), COLOURS, strict=False):
            lines(axes, points, name, colour, _zero(evidence))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel="seconds", ylabel="requests", ylim=(0, None))

    return _plot("Requests in the engine", f"At most {highest}.", draw)


def _cache(evidence: Evidence) -> Plot:
    metrics = Metrics(evidence.metrics)
    points = metrics.points(CACHE)

    def draw(axes: Axes) -> None:
        lines(axes, points, "in use", COLOURS[2], _zero(evidence))
        axes.set(xlabel="seconds", ylabel="fraction", ylim=(0, 1.05))

    summary = f"At most {metrics.max(CACHE):.0%} in use, {metrics.mean(CACHE):.0%} in the mean."
    return _plot("KV cache", summary, draw)


def _preemptions(evidence: Evidence) -> Plot:
    metrics = Metrics(evidence.metrics)
    points = metrics.risen(PREEMPTIONS)

    def draw(axes: Axes) -> None:
        lines(axes, points, "so far", COLOURS[1], _zero(evidence))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel="seconds", ylabel="preemptions", ylim=(0, max(1.0, *(p.value * 1.1 for p in points))))

    return _plot("Preemptions", f"{metrics.increase(PREEMPTIONS):g} while this was recorded.", draw)


def _ttft(evidence: Evidence) -> Plot:
    classes: dict[str, list[Request]] = {}
    for request in evidence.requests:
        classes.setdefault(request.class_name, []).append(request)
    if not any(r.ttft is not None for r in evidence.requests):
        raise CannotTell("no request had a first token")
    failed = [r.intended - _zero(evidence) for r in evidence.requests if not r.ok]

    def draw(axes: Axes) -> None:
        for (name, requests), colour in zip(classes.items(), COLOURS * len(classes), strict=False):
            points = [(r.intended - _zero(evidence), r.ttft) for r in requests if r.ttft is not None]
            axes.scatter([t for t, _ in points], [v for _, v in points], s=14, color=colour, label=name)
        if failed:
            axes.scatter(failed, [0.0] * len(failed), marker="x", color=INK, label="failed", clip_on=False)
        axes.set(xlabel="seconds, when the request was due", ylabel="seconds", ylim=(0, None))

    return _plot("Time to first token", " ".join(_ttft_words(classes, len(failed))), draw)


def _ttft_words(classes: dict[str, list[Request]], failed: int) -> Iterator[str]:
    for name, requests in classes.items():
        waits = [r.ttft for r in requests if r.ttft is not None]
        if waits:
            yield f"{name}: p50 {percentile(waits, 50):.2f} s, p95 {percentile(waits, 95):.2f} s."
    if failed:
        yield f"{failed} failed."


def _stream(evidence: Evidence) -> Plot:
    stream = evidence.stream
    paths = {n: p for n, p in (("through the edge", stream.edge), ("direct", stream.direct)) if p and p.chunks}
    if not paths:
        raise CannotTell("nothing was streamed")

    def draw(axes: Axes) -> None:
        axes.eventplot(
            [list(p.chunks) for p in paths.values()],
            lineoffsets=range(len(paths)),
            linelengths=0.6,
            colors=list(COLOURS[1::-1][: len(paths)]),
        )
        axes.set_yticks(range(len(paths)), list(paths))
        axes.set(xlabel="seconds since the request was sent", xlim=(0, None))
        axes.grid(axis="y", visible=False)

    summary = " ".join(f"{name}: {_stream_words(path)}." for name, path in reversed(paths.items()))
    return _plot("One answer as it arrived, a line a read", summary, draw, height=1.7)


def _stream_words(path: StreamPath) -> str:
    coded = f", {path.content_encoding}" if path.content_encoding else ""
    reads = "1 read" if path.reads == 1 else f"{path.reads} reads"
    return f"{reads} for {path.events} events, the first after {path.chunks[0]:.2f} s{coded}"


def _zero(evidence: Evidence) -> float:
    """Unix time at which the plots begin: the first sample or the first request, whichever was earlier."""
    times = [
        *_known(evidence, lambda e: [s.t for s in e.metrics]),
        *_known(evidence, lambda e: [r.intended for r in e.requests]),
    ]
    return min(times, default=0.0)


def _known(evidence: Evidence, times: Callable[[Evidence], list[float]]) -> list[float]:
    try:
        return times(evidence)
    except CannotTell:
        return []
