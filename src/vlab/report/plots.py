"""What was measured, drawn: before against now in the same axes, and only that of which there is something."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from vlab.evidence import CannotTell, Evidence, Stream, StreamPath
from vlab.evidence.metrics import CACHE, PREEMPTIONS, RUNNING, WAITING
from vlab.evidence.traffic import Traffic
from vlab.report.measured import PATHS, TTFT, Both, Place, Row, loads, rows, streams
from vlab.report.svg import COLOURS, panels


@dataclass(frozen=True)
class _Look:
    """How one of two is drawn: told apart without colour too."""

    colour: str
    line: Mapping[str, Any]
    filled: bool
    """Whether its points are; hollow ones are seen on them."""
    failed: str
    """The mark of what failed."""


_LOOKS = (
    _Look(COLOURS[1], {"linestyle": (0, (4, 1.5)), "linewidth": 1.4, "zorder": 3}, False, "x"),
    _Look(COLOURS[0], {"linestyle": "solid", "linewidth": 1.8, "zorder": 2}, True, "+"),
)
"""Where the two say the same, the dashes are seen on the line."""
_SINCE = "seconds since the load's first request was due"

_AT_ONCE = 0.02
"""Of the load's time."""

_NAME = 40
"""Characters."""

Places = dict[tuple[str, int], float]
"""Where a request stands on the x axis, by its class and index."""
Curve = list[tuple[float, float]]
"""(seconds since the load began, value)."""


@dataclass(frozen=True)
class Plot:
    """One drawing, with the same in words."""

    title: str
    summary: str
    svg: str


def plots(evidence: Evidence) -> list[Plot]:
    """Every plot that the evidence has something for, of either time."""
    found = rows(evidence)
    stream = _stream(streams(evidence), found)
    return [*of_load(loads(evidence), found), *([stream] if stream else [])]


def of_load(load: Both[Traffic], found: Mapping[Place, Row]) -> list[Plot]:
    """The plots of two loads; `found` has their figures for the words beside them."""
    return [plot for draw in (requests, cache, preemptions, first_tokens) if (plot := draw(load, found)) is not None]


def _looks(both: Both[Any]) -> dict[str, _Look]:
    return dict(zip(both.words, _LOOKS, strict=True))


def _plot(
    title: str,
    said: Iterable[str],
    both: Both[Any],
    draws: Mapping[str, Callable[[Axes], None]],
    xlabel: str,
    height: float,
) -> Plot:
    unsaid = [f"Not measured {when}." for when in both.words if when not in both.sides()]
    summary = " ".join(s[:1].upper() + s[1:] for s in (*said, *unsaid))
    return Plot(title, summary, panels(draws, f"{title}. {summary}", xlabel, height))


def requests(load: Both[Traffic], found: Mapping[Place, Row]) -> Plot | None:
    """Those that wait and those that run; None if no engine said."""
    named = {"waiting": _curves(load, WAITING), "running": _curves(load, RUNNING)}
    named = {name: curves for name, curves in named.items() if curves}
    if not named:
        return None
    said = [f"{name}: {_most(curves)}." for name, curves in named.items()]
    draws = {name: partial(_steps, curves=curves, looks=_looks(load), whole=True) for name, curves in named.items()}
    return _plot("Requests in the engine", [*said, *_said(found, "queued_request_seconds")], load, draws, _SINCE, 1.7)


def _most(curves: Mapping[str, Curve]) -> str:
    return "at most " + ", ".join(f"{max(v for _, v in curve):g} {when}" for when, curve in curves.items())


def cache(load: Both[Traffic], found: Mapping[Place, Row]) -> Plot | None:
    """How much of it is in use; None if no engine said."""
    curves = _curves(load, CACHE)
    if not curves:
        return None
    draws = {"in use": partial(_steps, curves=curves, looks=_looks(load), share=True)}
    return _plot("KV cache", _said(found, "kv_cache_max"), load, draws, _SINCE, 2.2)


def preemptions(load: Both[Traffic], found: Mapping[Place, Row]) -> Plot | None:
    """How many so far; None if no engine said."""
    curves = _curves(load, PREEMPTIONS)
    if not curves:
        return None
    draws = {"so far": partial(_steps, curves=curves, looks=_looks(load), whole=True)}
    return _plot("Preemptions", _said(found, "preemptions"), load, draws, _SINCE, 2.2)


def _curves(load: Both[Traffic], name: str) -> dict[str, Curve]:
    """A metric of all engines together, by time; without a time at which it was not recorded."""
    found = {}
    for when, traffic in load.sides().items():
        try:
            found[when] = [(p.t - traffic.began, p.value) for p in traffic.metrics.together(name)]
        except CannotTell:
            continue
    return found


def _steps(
    axes: Axes, curves: Mapping[str, Curve], looks: Mapping[str, _Look], whole: bool = False, share: bool = False
) -> None:
    for when, curve in curves.items():
        times, values = zip(*curve, strict=True)
        axes.plot(times, values, label=when, color=looks[when].colour, drawstyle="steps-post", **looks[when].line)
    highest = max(v for curve in curves.values() for _, v in curve)
    top = 1.05 if share else max(1.0, highest) * 1.1
    axes.set(ylim=(-0.04 * top, top), xlim=(0, None))  # what is 0 is seen above the axis
    if share:
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    if whole:
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))


def first_tokens(load: Both[Traffic], found: Mapping[Place, Row]) -> Plot | None:
    """When each request's first token came, by class; None if none was sent."""
    sides = load.sides()
    classes = list(dict.fromkeys(name for traffic in sides.values() for name in traffic.classes))
    if not classes:
        return None
    burst = all(map(_is_burst, sides.values()))
    places = {when: _order(traffic) if burst else _times(traffic) for when, traffic in sides.items()}
    draws = {
        f"{_short(name)}, seconds": partial(_waits, load=load, name=name, places=places, whole=burst)
        for name in classes
    }
    waits = _said(found, "ttft_p50_seconds", "ttft_p95_seconds")
    said = [*(s.replace(f"{TTFT},", "") for s in waits), *_said(found, "failed")]
    xlabel = "requests, all due at once, in their order" if burst else _SINCE
    return _plot("Time to first token, by when a request was due", said, load, draws, xlabel, 1.9)


def _short(name: str) -> str:
    """A class's name as it fits above its plot, in one line."""
    name = " ".join(name.split())
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"


def _is_burst(traffic: Traffic) -> bool:
    """Whether all was due at once, so that times would tell nothing apart."""
    return all(r.intended - traffic.began <= _AT_ONCE * traffic.seconds for r in traffic.requests)


def _order(traffic: Traffic) -> Places:
    return {(r.class_name, r.index): float(number) for number, r in enumerate(traffic.requests, 1)}


def _times(traffic: Traffic) -> Places:
    return {(r.class_name, r.index): r.intended - traffic.began for r in traffic.requests}


def _waits(axes: Axes, load: Both[Traffic], name: str, places: Mapping[str, Places], whole: bool) -> None:
    for when, traffic in load.sides().items():
        own = [(places[when][r.class_name, r.index], r) for r in traffic.requests if r.class_name == name]
        points = [(x, r.ttft) for x, r in own if r.ok and r.ttft is not None]
        look = _looks(load)[when]
        inside, order = look.colour if look.filled else "none", look.line["zorder"]
        xs, ys = [x for x, _ in points], [y for _, y in points]
        axes.scatter(xs, ys, s=20, label=when, facecolors=inside, edgecolors=look.colour, zorder=order)
        failed = [x for x, r in own if not r.ok]
        if failed:
            axes.scatter(failed, [0.0] * len(failed), marker=look.failed, color=look.colour, label=f"failed {when}")
    top = max(axes.get_ylim()[1], 0.001)
    axes.set(ylim=(-0.06 * top, top))
    if whole:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _stream(both: Both[Stream], found: Mapping[Place, Row]) -> Plot | None:
    paths: dict[str, tuple[str, StreamPath]] = {}
    for way in PATHS:
        for when, stream in both.sides().items():
            path = getattr(stream, way)
            if path is not None and path.chunks:
                paths[f"{way}, {when}"] = (when, path)
    if not paths:
        return None

    def draw(axes: Axes) -> None:
        for height, (when, path) in enumerate(reversed(paths.values())):
            look = _looks(both)[when]
            axes.vlines(path.chunks, height - 0.35, height + 0.35, colors=look.colour, **look.line)
        axes.set_yticks(range(len(paths)), list(reversed(paths)))
        axes.set(xlim=(0, None))
        axes.grid(axis="y", visible=False)

    said = _said(found, "reads_per_event", "first_piece_seconds")
    title = "One answer as it arrived, a line a read"
    return _plot(title, said, both, {"": draw}, "seconds since the request was sent", 0.5 + 0.4 * len(paths))


def _said(found: Mapping[Place, Row], *figures: str) -> list[str]:
    return [row.sentence for at, row in found.items() if at[-1] in figures]
