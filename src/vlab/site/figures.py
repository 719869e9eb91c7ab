"""The course's figures, drawn from recorded runs, each with its numbers in words and the machine that they are of."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from html import escape
from itertools import accumulate
from pathlib import Path
from statistics import fmean

from matplotlib.axes import Axes

from vlab import catalog
from vlab.evidence import CannotTell, Evidence, Measured, Stream, StreamPath, load
from vlab.evidence.metrics import percentile
from vlab.evidence.traffic import Traffic
from vlab.pins import pins
from vlab.report import measured, plots
from vlab.report.measured import Both, Place, Row
from vlab.report.plots import Plot
from vlab.report.svg import COLOURS, panels

Draw = Callable[[Both[Traffic], Mapping[Place, Row]], Plot | None]

_POOLS = ("in a pool too small for it", "in a large pool")
_AT_ONCE = ("wrong-one-after-the-other", "solved", "also-own-workload")
"""Runs of the load test, the fewest questions at once first."""
_PREFIX_HITS = Path(__file__).with_name("prefix_hits.json")
"""As benchmarks/prefix_hits.py measured it."""
_SHARED = (112, 240, 400)
"""Tokens of which the figure's words tell what was found."""
_ENGINES = ("on one engine for both", "on an engine each")


@dataclass(frozen=True)
class Figure:
    """One drawing of recorded runs."""

    title: str
    words: str
    """Its numbers, in sentences."""
    recorded: str
    """On what, and when."""
    svg: str

    def html(self) -> str:
        """As a page has it. Its words stand below it once; what is written on the axes is not in the search index."""
        drawn = re.sub(r'aria-label="[^"]*"', f'aria-label="{escape(self.title)}"', self.svg, count=1)
        return (
            f'<figure class="vlab-figure"><div data-search-exclude>{drawn}</div>'
            f"<figcaption><b>{escape(self.title)}</b> {escape(self.words)} "
            f"<small>{escape(self.recorded)}</small></figcaption></figure>"
        )


def figure(name: str) -> Figure:
    """The figure of this name.

    Raises:
        KeyError: there is none.
        CannotTell: the recorded run does not have what it shows.
    """
    return _DRAWN[name]()


def names() -> tuple[str, ...]:
    """Those that there are."""
    return tuple(_DRAWN)


def _run(scenario: str, phase: str, profile: str = "") -> Evidence:
    known = catalog.scenario(scenario)
    return load((known.recorded_on(profile) if profile else known.recorded)[phase])


def _pools(draw: Draw, profile: str = "") -> Figure:
    """The same load on a pool of blocks that is too small for it, and on one that is not."""
    if profile:
        small, large = (_run("cache-saturated", phase, profile) for phase in ("faulty", "solved"))
    else:
        small, large = (_run("cache-saturated", phase) for phase in ("faulty", "healthy"))
    return _of_loads(draw, small.before, large.after, _POOLS, large)


def _classes() -> Figure:
    """The same two kinds of traffic on one engine, and on one each."""
    shared, apart = (_run("mixed-traffic", phase) for phase in ("faulty", "healthy"))
    return _of_loads(plots.first_tokens, shared.before, apart.after, _ENGINES, apart)


def _of_loads(draw: Draw, one: Measured, other: Measured, words: tuple[str, str], recorded: Evidence) -> Figure:
    both = Both(Traffic(one), Traffic(other), words=words)
    rows = measured.compare(both, measured.of_load, False)
    plot = draw(both, rows)
    if plot is None:
        raise CannotTell("the recorded run does not have what the figure shows")
    return Figure(f"{plot.title}.", plot.summary, recorded_on(recorded), plot.svg)


def _concurrency() -> Figure:
    """Three loads on the same deployment, by how many questions were under way at once."""
    runs = [catalog.exercise("load-test").recorded[phase] for phase in _AT_ONCE]
    every = [Traffic(load(file).loads[0]) for file in runs]
    counts = [_together(each) for each in every]
    of_all = [each.tokens_per_second for each in every]
    of_one = [percentile((r.output_tokens / r.latency for r in each.requests if r.ok), 50) for each in every]
    title = "Tokens a second, by how many questions are answered at once."

    def draw(values: Sequence[float], colour: str) -> Callable[[Axes], None]:
        def drawn(axes: Axes) -> None:
            axes.plot(counts, values, "o-", color=colour)
            axes.set(xlim=(0, None), ylim=(0, 1.15 * max(values)), xticks=counts)

        return drawn

    words = " ".join(
        f"{count} at once: {whole:.0f} in all, {one:.0f} of one answer; prompts of {read:.0f} tokens, answers of "
        f"{wrote:.0f}."
        for count, whole, one, (read, wrote) in zip(counts, of_all, of_one, map(_lengths, every), strict=True)
    )
    both = {
        "of all together, prompts and answers": draw(of_all, COLOURS[0]),
        "of one answer (median)": draw(of_one, COLOURS[1]),
    }
    drawn = panels(both, f"{title} {words}", "questions at once", 1.6)
    return Figure(title, words, recorded_on(load(runs[-1])), drawn)


def _prefix_hits() -> Figure:
    """What the prefix cache finds, by what two prompts share, for sizes of blocks."""
    kept = json.loads(_PREFIX_HITS.read_text())
    title = "Tokens that the prefix cache finds, by how many two prompts share from the first one on."
    found = {int(size): pairs for size, pairs in kept["found"].items()}

    def draw(axes: Axes) -> None:
        for (size, pairs), colour, marker in zip(found.items(), COLOURS, "osD", strict=False):
            shared, hits = zip(*pairs, strict=True)
            axes.plot(
                shared,
                hits,
                f"{marker}-",
                color=colour,
                drawstyle="steps-post",
                markersize=4,
                label=f"blocks of {size}",
            )
        axes.set(xlim=(0, None), ylim=(0, None), ylabel="tokens found")

    hits = {shared: {size: dict(pairs)[shared] for size, pairs in found.items()} for shared in _SHARED}
    words = " ".join(
        f"Of {shared} shared: {', '.join(f'{many} in blocks of {size}' for size, many in by_size.items())}."
        for shared, by_size in hits.items()
    )
    day = _day(date.fromisoformat(kept["recorded"]))
    engine = f"vLLM {kept['vllm']} for CPUs with {kept['model']}"
    recorded = (
        f"Recorded on {day}: {engine}, prompts of {kept['tokens']} tokens in pairs, "
        f"on a machine with {kept['cores']} cores."
    )
    return Figure(title, words, recorded, panels({"": draw}, f"{title} {words}", "tokens shared", 2.6))


def _together(traffic: Traffic) -> int:
    """The most requests that were under way at one moment."""
    turns = sorted([*((r.sent, 1) for r in traffic.requests), *((r.end, -1) for r in traffic.requests)])
    return max(accumulate(turn for _, turn in turns))


def _lengths(traffic: Traffic) -> tuple[float, float]:
    """Of a prompt and of an answer, on average."""
    return fmean(r.prompt_tokens or 0 for r in traffic.requests), fmean(r.output_tokens for r in traffic.requests)


def _stream() -> Figure:
    """One answer past something that gathers, and through it."""
    recorded = _run("ingress-buffered", "faulty")
    ways = _ways(recorded.stream_before)
    title = "One answer, asked for in two ways: a line for each read."

    def draw(axes: Axes) -> None:
        for height, (way, colour) in enumerate(zip(reversed(ways), COLOURS, strict=False)):
            axes.vlines(ways[way].chunks, height - 0.35, height + 0.35, colors=colour, linewidth=2)
        axes.set_yticks(range(len(ways)), list(reversed(ways)))
        axes.set(xlim=(0, None), ylim=(-0.6, len(ways) - 0.4))
        axes.grid(axis="y", visible=False)

    words = " ".join(
        f"{way.capitalize()}: {path.events} events in {_number(path.reads)}, the first after "
        f"{measured.seconds(path.first_chunk or path.seconds)}, the last after {measured.seconds(path.seconds)}."
        for way, path in ways.items()
    )
    drawn = panels({"": draw}, f"{title} {words}", "seconds since the request was sent", 1.3)
    return Figure(title, words, recorded_on(recorded), drawn)


def _ways(stream: Stream) -> dict[str, StreamPath]:
    """Both paths, by what they lead past or through."""
    both = {"from the engine": stream.direct, "through a proxy": stream.edge}
    return {way: path for way, path in both.items() if path is not None}


def _number(reads: int) -> str:
    return "1 read" if reads == 1 else f"{reads} reads"


def _day(when: date) -> str:
    return f"{when:%d %B %Y}".lstrip("0")


def recorded_on(recorded: Evidence) -> str:
    """What a run was recorded on, in a sentence."""
    header = recorded.header
    day = _day(header.started)
    if gpu := header.cluster.get("gpu"):
        return f"Recorded on {day}: {header.cluster['engine']} on one {gpu}, a model of phi-2's shape."
    cores = max(int(o["status"]["capacity"]["cpu"]) for o in recorded.objects if o["kind"] == "Node")
    engine = pins().engine
    name = engine.model.rpartition("/")[2]
    return f"Recorded on {day}: vLLM {engine.vllm} for CPUs with {name}, on a machine with {cores} cores."


_DRAWN: Mapping[str, Callable[[], Figure]] = {
    "requests": partial(_pools, plots.requests),
    "cache": partial(_pools, plots.cache),
    "preemptions": partial(_pools, plots.preemptions),
    "first-token": partial(_pools, plots.first_tokens),
    "requests-gpu": partial(_pools, plots.requests, "gpu"),
    "first-token-gpu": partial(_pools, plots.first_tokens, "gpu"),
    "concurrency": _concurrency,
    "prefix-hits": _prefix_hits,
    "classes": _classes,
    "stream": _stream,
}
