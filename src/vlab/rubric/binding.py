"""Binds the numbers of a sentence to the figures of the run: which metric, whose, which statistic, and is it so."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

from vlab.rubric.figures import COUNTS, Figure
from vlab.rubric.quantities import Number, numbers, readings
from vlab.rubric.units import Unit
from vlab.rubric.vocabulary import any_of, cue, metrics, pattern, terms, word
from vlab.rubric.whose import WHOSE, nearest_cue, part_of

_TOLERANCE = 0.06
_LOOSELY = 0.16
_CITED = frozenset(["p50", "p95", "mean", "max", "delta", "rate", "value"])
"""Statistics that people cite."""
_PATHS = frozenset({"edge", "direct"})
_TELLING = 2.0
"""A number below says nothing by itself: there is one of many things."""
_MOST_NUMBERS = 40
"""Of one sentence; a table of more is no sentence."""

_AT_A_MOMENT = cue("at-a-moment")
_STATISTIC = terms("statistics")
_AFTERWARDS = cue("afterwards")

_START = cue("start")
_PAST = re.compile(r"(?:past|around|without) (?:the )?(?:edge|proxy|nginx|ingress|it\b)")
_OF_BATCH = pattern(r"<batch>(?:'s)?\s(?:\w+\s){0,2}(?:ttft|latenc\w+|first|throughput|p\d\d|takes?|waits?)")


@dataclass(frozen=True)
class Bound:
    """A number of a sentence, and what came of comparing it."""

    number: Number
    metric: str
    figure: Figure | None
    """The one that it agrees with; None if there is none."""
    nearest: Figure | None
    """Of the figures that it could have been."""


@dataclass(frozen=True)
class Mention:
    """A metric's name in a sentence."""

    metric: str
    start: int
    end: int


def mentions(folded: str) -> list[Mention]:
    """The metrics that a sentence speaks of, in their order; of overlapping names the longest."""
    return _mentions_of(folded, frozenset(metrics()))


@lru_cache(maxsize=1024)
def _mentions_of(folded: str, names: frozenset[str]) -> list[Mention]:
    every = [
        Mention(name, m.start(), m.end())
        for name, metric in metrics().items()
        if name in names
        for m in any_of(metric.called).finditer(folded)
        if m.end() > m.start()
    ]
    kept: list[Mention] = []
    for each in sorted(every, key=lambda m: (m.start - m.end, m.start)):
        if all(each.end <= other.start or each.start >= other.end for other in kept):
            kept.append(each)
    return sorted(kept, key=lambda m: m.start)


def bind(folded: str, table: Sequence[Figure], metrics_here: Iterable[str]) -> list[Bound]:
    """Each number that is one of a metric of this run, compared with it."""
    folded = _PAST.sub(lambda m: "directly".ljust(len(m[0])), folded)
    known = set(metrics_here)
    found: list[Bound] = []
    here = list(islice(numbers(folded), _MOST_NUMBERS))
    named = _mentions_of(folded, frozenset(known))
    for number in here:
        metric = _metric_of(number, here, named, folded)
        if metric is None and number.unit.dimension == "time":
            found += _without_name(number, [f for f in table if f.metric in known])
        if metric is None or (not number.value and _START.search(folded[: number.start])):
            continue
        candidates = _candidates(number, metric, folded, here, table)
        if not candidates:
            continue
        figure = next((f for f in candidates if agrees(number, f)), None)
        if figure is None:
            figure = _elsewhere(number, metric, named, folded, here, [f for f in table if f.metric in known])
        nearest = min(candidates, key=lambda f: abs(f.value - number.in_base))
        found.append(Bound(number, metric, figure, nearest))
    return found


def agrees(number: Number, figure: Figure) -> bool:
    """Whether a number is a figure as a reader would round it."""
    return any(_near(value, number, figure) for value in readings(number))


def _without_name(number: Number, table: Sequence[Figure]) -> Iterator[Bound]:
    """A time that is one of the run, or has its digits and another unit, though nobody says what it is of."""
    times = [f for f in table if "time" in metrics()[f.metric].numbers and f.statistic in _CITED and f.when == "before"]
    right = next((f for f in times if agrees(number, f)), None)
    if right is not None:
        yield Bound(number, right.metric, right, right)
    elif number.half_step < 0.5:
        for factor in (1000.0, 0.001):
            other = replace(number, unit=Unit("time", number.unit.factor * factor))
            wrong = next((f for f in times if agrees(other, f)), None)
            if wrong is not None:
                yield Bound(number, wrong.metric, None, wrong)
                return


def _elsewhere(
    number: Number,
    metric: str,
    named: Sequence[Mention],
    folded: str,
    here: Sequence[Number],
    table: Sequence[Figure],
) -> Figure | None:
    """The figure of the run that a number is, where the words beside it name no other metric, path or class."""
    first = max((n.end for n in here if n.end <= number.start), default=0)
    last = min((n.start for n in here if n.start >= number.end), default=len(folded))
    a, b = part_of(folded, number.start)
    begin, end = max(first, a), min(last, b)
    beside = {m.metric for m in named if begin <= m.start < end and _fits(number, m.metric)}
    around = f"{folded[begin : number.start]} | {folded[number.end : end]}"
    said = {name for name, told in _STATISTIC.items() if told.search(around)}
    whose = {name for name, told in WHOSE.items() if told.search(around)}
    paths = {name for name in _PATHS if WHOSE[name].search(folded)}
    for figure in table:
        if figure.when != "before" or figure.statistic not in _CITED or not agrees(number, figure):
            continue
        if figure.metric in ("waiting", "running", "cache") and figure.statistic != "max":
            continue
        if figure.metric != metric and (beside or number.value < _TELLING or not _fits(number, figure.metric)):
            continue
        if said and figure.statistic not in said and figure.statistic not in ("value", "delta", "rate"):
            continue
        if figure.of in _PATHS and paths and figure.of not in paths:
            continue  # only the other one is spoken of
        path = {"chat": "mixed", "chat alone": "alone"}.get(figure.of, figure.of)
        if not (whose and path and path not in whose):
            return figure
    return None


def _near(value: float, number: Number, figure: Figure) -> bool:
    share = _LOOSELY if number.loose else _TOLERANCE
    if figure.metric == "cache" and not number.unit.dimension and value > 1.5:
        value /= 100
    step = number.half_step * number.unit.factor
    if figure.metric in COUNTS and not number.loose:
        return abs(value - figure.value) <= max(0.5, 0.04 * figure.value)
    return abs(value - figure.value) <= max(step * 1.05, share * abs(figure.value))


def _metric_of(number: Number, here: Sequence[Number], named: Sequence[Mention], folded: str) -> str | None:
    """The metric that a number may be of: in its own part of the sentence, else the last one before it."""
    fitting = [m for m in named if _fits(number, m.metric)]
    if not number.unit.dimension:  # seconds without their unit only where nothing is counted
        fitting = [m for m in fitting if metrics()[m.metric].numbers != ("time",)] or fitting
    first, last = part_of(folded, number.start)
    near = [m for m in fitting if first <= m.start <= last]
    just_before = [m for m in near if m.end <= number.start and not folded[m.end : number.start].strip(" '\"=:")]
    if just_before:
        return just_before[-1].metric
    at_once = [m for m in near if _follows_at_once(number, m, here, folded)]
    if at_once:
        return at_once[0].metric
    if near:
        return min(near, key=lambda m: _distance(number, m, here)).metric
    before = [m for m in fitting if m.end <= number.start]
    if before:
        return before[-1].metric
    return fitting[0].metric if fitting else None


def _follows_at_once(number: Number, mention: Mention, here: Sequence[Number], folded: str) -> bool:
    """'21 requests waiting': a count and what is counted."""
    if mention.start < number.end or number.unit.dimension or any(number.end <= n.start < mention.start for n in here):
        return False
    return bool(re.fullmatch(r"[\s'\"]*(?:\w+[\s'.-]+){0,2}", folded[number.end : mention.start]))


def _distance(number: Number, mention: Mention, here: Sequence[Number]) -> int:
    if mention.start >= number.end:
        return 15 + mention.start - number.end + 200 * sum(number.end <= n.start < mention.start for n in here)
    return number.start - mention.end + 10 * sum(mention.end <= n.start < number.start for n in here)


def _fits(number: Number, metric: str) -> bool:
    kinds = metrics()[metric].numbers
    dimension = number.unit.dimension
    if not dimension:
        if "fraction as number" in kinds:
            return number.value <= 1.5
        return "count" in kinds or "time" in kinds
    return dimension in kinds


def _candidates(
    number: Number, metric: str, folded: str, here: Sequence[Number], table: Sequence[Figure]
) -> list[Figure]:
    """The figures that a number may be: of this metric, of those it speaks of, of the statistic that it names."""
    when = "after" if _AFTERWARDS.search(folded) else "before"
    own = [f for f in table if f.metric == metric and f.when == when] or [f for f in table if f.metric == metric]
    if not number.unit.dimension and "time" in metrics()[metric].numbers and "count" not in metrics()[metric].numbers:
        pass  # seconds are what a time is in where no unit stands
    own = _of_whom(number, folded, here, own)
    said = _statistic(number, folded, here)
    if said and any(f.statistic == said for f in own):
        return [f for f in own if f.statistic == said]
    if metric in ("waiting", "running", "cache") and not _AT_A_MOMENT.search(folded):
        return [f for f in own if f.statistic in ("max", "value")] or own
    if metric in ("waiting", "running", "cache"):
        most = max((f.value for f in own), default=0.0)
        return [*own, Figure(metric, "at a moment", number.in_base)] if 0 < number.in_base <= most else own
    return [f for f in own if f.statistic != "min"]


def _of_whom(number: Number, folded: str, here: Sequence[Number], own: list[Figure]) -> list[Figure]:
    whose = {f.of for f in own}
    if whose & {"direct", "edge"}:
        nearest = nearest_cue(number, folded, here, ("direct", "edge"))
        return [f for f in own if f.of == nearest] if nearest else own
    if not any(of.endswith(" alone") for of in whose):
        return own
    nearest = nearest_cue(number, folded, here, ("alone", "mixed"))
    name = "batch" if _OF_BATCH.search(folded) and not word("chat").search(folded) else "chat"
    if nearest == "alone":
        return [f for f in own if f.of == f"{name} alone"]
    if nearest == "mixed":
        return [f for f in own if f.of == name] or own
    return [f for f in own if f.of in (name, f"{name} alone")] or own


def _statistic(number: Number, folded: str, here: Sequence[Number]) -> str:
    """The statistic that is named nearest before a number, else right behind it."""
    begin = max((n.end for n in here if n.end <= number.start), default=0)
    end = min((n.start for n in here if n.start >= number.end), default=len(folded))
    before = [(m.start(), n) for n, p in _STATISTIC.items() for m in p.finditer(folded[begin : number.start])]
    if before:
        return max(before)[1]
    said = re.split(r"[;.,]", folded[number.end : min(end, number.end + 25)])[0]
    behind = [(m.start(), n) for n, p in _STATISTIC.items() for m in p.finditer(said)]
    if behind:
        return min(behind)[1]
    if number.unit.dimension != "time":
        return ""
    earlier = [(m.start(), n) for n, p in _STATISTIC.items() for m in p.finditer(folded[:begin])]
    return max(earlier)[1] if earlier and not re.search(r"[;.]\s", folded[max(earlier)[0] : number.start]) else ""
