"""What was measured, before against now, in figures and in words: a load as its users and engines saw it, a stream."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from rich.table import Table
from rich.text import Text

from vlab.evidence import CannotTell, Evidence, Measured, Stream, StreamPath
from vlab.evidence.traffic import Traffic, comparable

What = TypeVar("What")
Place = tuple[str, ...]

CAPTION = "Better and worse are about a figure alone, and within a tenth it is much the same; the checks decide."
_ALIKE = 0.1

TTFT = ": time to first token"
"""Behind a class's name."""
PATHS = ("direct", "edge")
"""The ways of a streamed answer."""


@dataclass(frozen=True)
class Both(Generic[What]):
    """What was measured at the start and now, or under two conditions; None where nothing was."""

    before: What | None
    now: What | None
    missing: tuple[str, ...] = ()
    """Why there is nothing of one time or of either, in words."""
    words: tuple[str, str] = ("before", "now")
    """For the two, as they stand behind a figure."""

    def sides(self) -> dict[str, What]:
        """Those that there are, by their word."""
        return {word: side for word, side in zip(self.words, (self.before, self.now), strict=True) if side is not None}


@dataclass(frozen=True)
class Figure:
    """One number of one measurement."""

    at: Place
    """Where it stands in JSON."""
    name: str
    value: float | None
    """None if it cannot be told."""
    text: str
    """With its unit."""
    better: int = 0
    """-1: the less the better; 1: the more; 0: neither."""


@dataclass(frozen=True)
class Row:
    """One figure before and now; a text is empty where nothing was measured."""

    name: str
    before: str
    now: str
    ratio: str
    """'0.17 of before: better'; empty if they cannot be compared."""
    words: tuple[str, str] = ("before", "now")
    """As in Both."""

    @property
    def sentence(self) -> str:
        """'preemptions: 16 before, 0 now (none left: better).'"""
        sides = ", ".join(
            f"{text} {when}" for text, when in zip((self.before, self.now), self.words, strict=True) if text
        )
        return f"{self.name}: {sides}{f' ({self.ratio})' if self.ratio else ''}."


def loads(evidence: Evidence) -> Both[Traffic]:
    """The measured load, both times."""
    return _both(evidence, "load", lambda: Traffic(evidence.before), lambda: Traffic(evidence.after))


def streams(evidence: Evidence) -> Both[Stream]:
    """The streamed answer, both times."""
    return _both(evidence, "stream", lambda: evidence.stream_before, lambda: evidence.stream)


def _both(evidence: Evidence, collector: str, before: Callable[[], What], now: Callable[[], What]) -> Both[What]:
    was, found = _known(before), _known(now)
    missing = []
    if was is None and (found is not None or collector in evidence.header.collectors):
        why = _why(evidence, "before")
        missing.append(f"No {collector} was measured at the start, so there is nothing to compare with: {why}.")
    if found is None and (was is not None or collector in evidence.header.collectors):
        missing.append(f"No {collector} was measured now: {_why(evidence, collector)}.")
    return Both(was, found, tuple(missing))


def _known(figure: Callable[[], What]) -> What | None:
    try:
        return figure()
    except CannotTell:
        return None


def _why(evidence: Evidence, collector: str) -> str:
    """Why there is nothing of a collector, in its words."""
    status = evidence.header.collectors.get(collector)
    return (status.reason if status else "") or "nothing was recorded"


def rows(evidence: Evidence) -> dict[Place, Row]:
    """Every figure before and now, by where it stands in JSON."""
    load, stream = loads(evidence), streams(evidence)
    alike = not _difference(load)
    return {**compare(load, of_load, alike), **compare(stream, of_stream, True)}


def notes(evidence: Evidence) -> list[str]:
    """What must be known beside the figures: what is missing, and why they do not compare."""
    load, stream = loads(evidence), streams(evidence)
    found = [*load.missing, *stream.missing]
    if why := _difference(load):
        found.append(f"The figures do not compare: {why}.")
    for word, side in load.sides().items():
        loaded = side.measured.loaded
        if loaded.unsteady:
            found.append(f"While it was measured {word}: {loaded.unsteady}.")
        if loaded.metrics_errors:
            kinds = ", ".join(f"{kind} {number}" for kind, number in loaded.metrics_errors.items())
            found.append(f"Some of the engines' metrics could not be read {word}: {kinds}.")
    return found


def _difference(load: Both[Traffic]) -> str:
    """Why two loads cannot be compared; empty if they can."""
    if load.before is None or load.now is None:
        return ""
    try:
        comparable(load.before, load.now)
    except CannotTell as e:
        return str(e)
    return ""


def compare(both: Both[What], of: Callable[[What], Iterable[Figure]], alike: bool) -> dict[Place, Row]:
    """The figures `of` both, side by side; with a ratio if they are `alike` enough for one."""
    before = {} if both.before is None else {f.at: f for f in of(both.before)}
    now = {} if both.now is None else {f.at: f for f in of(both.now)}
    found = {}
    for at in dict.fromkeys([*before, *now]):
        was, becomes = before.get(at), now.get(at)
        ratio = in_words(was, becomes) if was and becomes and alike else ""
        name = (was or becomes or _NOTHING).name
        found[at] = Row(name, was.text if was else "", becomes.text if becomes else "", ratio, both.words)
    return found


_NOTHING = Figure((), "", None, "")


def in_words(before: Figure, now: Figure) -> str:
    """What a figure is of what it was: '0.17 of before: better'. Empty if one is not known."""
    if before.value is None or now.value is None:
        return ""
    if before.value == now.value:
        return "as before"
    if round(now.value / before.value if before.value else 0.0, 2) == 1:
        return "much the same"
    verdict = _verdict(before.value, now.value, now.better)
    return f"{_ratio(before.value, now.value)}{f': {verdict}' if verdict else ''}"


def _ratio(before: float, now: float) -> str:
    if not before:
        return "none before"
    if not now:
        return "none left"
    ratio = now / before
    if ratio < 1:
        return f"{ratio:.2f} of before"
    return f"{ratio:.{2 if ratio < 2 else 1 if ratio < 10 else 0}f} times before"


def _verdict(before: float, now: float, better: int) -> str:
    if not better:
        return ""
    if abs(now - before) <= _ALIKE * before:
        return "much the same"
    return "better" if (now > before) == (better > 0) else "worse"


def of_load(traffic: Traffic) -> Iterator[Figure]:
    """The decisive figures of a load: of each class of requests, then of the engines, then of all requests."""
    for name in traffic.classes:
        at, own = ("classes", name), traffic.of(name)
        for p in (50, 95):
            figure = partial(own.ttft, p)
            yield _figure((*at, f"ttft_p{p}_seconds"), f"{name}{TTFT}, p{p}", figure, seconds, -1)
        for way in ("in", "out"):
            figure = partial(getattr, own, key := f"tokens_{way}_per_second")
            yield _figure((*at, key), f"{name}: tokens a second {way}", figure, "{:.1f}".format, 1)
    queued = ("engines", "queued_request_seconds")
    yield _figure(queued, "request-seconds in the queue", lambda: traffic.waited, "{:.1f}".format, -1)
    yield _figure(("engines", "preemptions"), "preemptions", lambda: traffic.preemptions, "{:.0f}".format, -1)
    yield _figure(("engines", "kv_cache_max"), "KV cache in use at most", lambda: traffic.cache, "{:.0%}".format)
    cut = traffic.measured.loaded.not_sent
    of = f" of {len(traffic.requests)}{f', {cut} more not sent' if cut else ''}"
    yield _figure(("requests", "failed"), "failed requests", lambda: traffic.failed, f"{{:.0f}}{of}".format, -1)


def of_stream(stream: Stream) -> Iterator[Figure]:
    """The decisive figures of a streamed answer, directly and through the edge.

    How it comes directly is for comparison: what is judged is the edge.
    """
    for way in PATHS:
        path: StreamPath | None = getattr(stream, way)
        known = path if path is not None and path.status == 200 and not path.error else None
        coded = f" ({path.content_encoding})" if path and path.content_encoding else ""
        reads = f"{path.reads} for {path.events}{coded}" if path and known else _unanswered(path)
        first = known.first_chunk if known else None
        judged = int(way == "edge")
        at = ("stream", way)
        per_event = known.reads_per_event if known else None
        yield Figure((*at, "reads_per_event"), f"{way}: reads for events", per_event, reads, judged)
        said = _unanswered(path) if known is None else "none came" if first is None else seconds(first)
        yield Figure((*at, "first_piece_seconds"), f"{way}: first piece after", first, said, -judged)


def seconds(value: float) -> str:
    """'12.30 s', '0.037 s'."""
    return f"{value:.2f} s" if value >= 1 else f"{value:.3f} s"


def _unanswered(path: StreamPath | None) -> str:
    if path is None:
        return "not asked"
    return f"no answer, {path.error}" if path.error or path.status is None else f"status {path.status}"


def _figure(
    at: Place, name: str, figure: Callable[[], float], words: Callable[[float], str], better: int = 0
) -> Figure:
    try:
        value = figure()
    except CannotTell:
        return Figure(at, name, None, "not known", better)
    return Figure(at, name, value, words(value), better)


def figures(load: Measured | None, stream: Stream | None) -> dict[str, Any]:
    """What was measured as JSON has it: by class, engines, requests and stream; null for what cannot be told."""
    found: dict[str, Any] = {}
    for figure in _every(load, stream):
        inner = found
        for key in figure.at[:-1]:
            inner = inner.setdefault(key, {})
        inner[figure.at[-1]] = figure.value
    return found


def once(load: Measured | None, stream: Stream | None) -> Table:
    """What was measured at one time, for the terminal."""
    table = _table("measured as it is", "")
    for figure in _every(load, stream):
        table.add_row(Text(figure.name), Text(figure.text))
    return table


def _every(load: Measured | None, stream: Stream | None) -> list[Figure]:
    return [*(of_load(Traffic(load)) if load else ()), *(of_stream(stream) if stream else ())]


def compared(found: Mapping[Place, Row]) -> Table:
    """What was measured before and now, for the terminal."""
    table = _table("measured", "before", "now", "now it is")
    for row in found.values():
        table.add_row(*map(Text, (row.name, row.before or "-", row.now or "-", row.ratio)))
    return table


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number in (1, 2) else "left", overflow="fold")
    return table
