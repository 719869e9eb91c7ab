"""Binds the numbers of a sentence to the figures of the run: which metric, whose, which statistic, and is it so."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from vlab.rubric.figures import COUNTS, Figure
from vlab.rubric.quantities import Number, numbers, readings
from vlab.rubric.vocabulary import any_of, cue, metrics, pattern, terms, word

_TOLERANCE = 0.06
_LOOSELY = 0.16
_MOST_NUMBERS = 40
"""Of one sentence; a table of more is no sentence."""

_AT_A_MOMENT = cue("at-a-moment")
_WHOSE = terms("whose")
_STATISTIC = terms("statistics")
_AFTERWARDS = cue("afterwards")

_SEGMENT = cue("segment")
_CONJUNCTION = cue("conjunction")
_CONTRAST = cue("contrast")
_START = cue("start")
_PAST = re.compile(r"(?:past|around|without|behind) (?:the )?(?:edge|proxy|nginx|ingress|it\b)")
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
    found = []
    here = list(islice(numbers(folded), _MOST_NUMBERS))
    named = _mentions_of(folded, frozenset(known))
    for number in here:
        metric = _metric_of(number, here, named, folded)
        if metric is None or (not number.value and _START.search(folded[: number.start])):
            continue
        candidates = _candidates(number, metric, folded, here, table)
        if not candidates:
            continue
        figure = next((f for f in candidates if agrees(number, f)), None)
        nearest = min(candidates, key=lambda f: abs(f.value - number.in_base))
        found.append(Bound(number, metric, figure, nearest))
    return found


def agrees(number: Number, figure: Figure) -> bool:
    """Whether a number is a figure as a reader would round it."""
    return any(_near(value, number, figure) for value in readings(number))


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
    first, last = _part_of(folded, number.start)
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
        nearest = _nearest_cue(number, folded, here, ("direct", "edge"))
        return [f for f in own if f.of == nearest] if nearest else own
    if not any(of.endswith(" alone") for of in whose):
        return own
    nearest = _nearest_cue(number, folded, here, ("alone", "mixed"))
    name = "batch" if _OF_BATCH.search(folded) and not word("chat").search(folded) else "chat"
    if nearest == "alone":
        return [f for f in own if f.of == f"{name} alone"]
    if nearest == "mixed":
        return [f for f in own if f.of == name] or own
    return [f for f in own if f.of in (name, f"{name} alone")] or own


def _part_of(folded: str, place: int) -> tuple[int, int]:
    """The part of a sentence that a place is in, where conjunctions divide it too."""
    first, last = next((a, b) for a, b in _segments(folded) if a <= place <= b)
    for cut in _CONJUNCTION.finditer(folded, first, last):
        if cut.end() <= place:
            first = cut.end()
        elif cut.start() >= place:
            return first, cut.start()
    return first, last


@lru_cache(maxsize=1024)
def _segments(folded: str) -> list[tuple[int, int]]:
    found, start = [], 0
    for cut in _SEGMENT.finditer(folded):
        found.append((start, cut.start()))
        start = cut.end()
    return [*found, (start, len(folded))]


def _nearest_cue(number: Number, folded: str, here: Sequence[Number], names: Sequence[str]) -> str:
    """Which of these words is nearest to a number without another number between; empty if none is."""
    parts = _segments(folded)
    place = next(i for i, (a, b) in enumerate(parts) if a <= number.start <= b)
    since = max((n.end for n in here if n.end <= number.start), default=0)
    if _CONTRAST.search(folded[since : number.start]) and "mixed" in names:
        return ""  # it is of the other one, which need not be named; what follows is said of both
    own = _in_own_segment(number, folded, here, parts[place], names)
    if own or _CONTRAST.search(folded[since : number.start]):
        return own
    for step in (-1, 1):
        at = place + step
        over = step < 0 and "edge" in names  # whose path it is stays so for the rest of a sentence
        said: set[str] = set()
        while 0 <= at < len(parts) and (over or not any(parts[at][0] <= n.start <= parts[at][1] for n in here)):
            text = folded[parts[at][0] : parts[at][1]]
            said |= {name for name in names if _WHOSE[name].search(text)}
            if said and not over:
                break
            at += step
        if said:
            return said.pop() if len(said) == 1 else ""
    return ""


def _in_own_segment(
    number: Number, folded: str, here: Sequence[Number], part: tuple[int, int], names: Sequence[str]
) -> str:
    """What stands behind a number before the next one counts more than what stands before it."""
    others = [n for n in here if part[0] <= n.start <= part[1] and n != number]
    begin = max((n.end for n in others if n.end <= number.start), default=part[0])
    end = min((n.start for n in others if n.start >= number.end), default=part[1])
    behind, before = folded[number.end : end], folded[begin : number.start]
    first = _nearest(behind, names, from_end=False)
    second = _nearest(before, names, from_end=True)
    if any(n.start > number.start for n in others):
        return second or first
    if others or not second or len(behind) < len(before):
        return first or second
    return _closer(behind, before, names) if first else second


def _closer(behind: str, before: str, names: Sequence[str]) -> str:
    ahead = min(((m.start(), n) for n in names for m in _WHOSE[n].finditer(behind)), default=(999, ""))
    back = min(((len(before) - m.end(), n) for n in names for m in _WHOSE[n].finditer(before)), default=(999, ""))
    return min(ahead, back)[1]


def _nearest(text: str, names: Sequence[str], *, from_end: bool) -> str:
    found = [(m.start(), name) for name in names for m in _WHOSE[name].finditer(text)]
    if not found:
        return ""
    return (max if from_end else min)(found)[1]


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
