"""Which way a writer says that a metric goes, or should go: by the words beside it, in lists and in clauses."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from vlab.rubric.binding import Mention, mentions
from vlab.rubric.quantities import numbers
from vlab.rubric.stance import denied
from vlab.rubric.vocabulary import cue, metrics, word

Way = Literal["up", "down"]

_CUT = cue("list")
_LESS_THAN = cue("less-than")
_NOT = cue("not")
_FROM = re.compile(r"\b(?:from|von|desde|de)\W+(?:\w+\W+){0,3}$")
_TO = re.compile(r"\b(?:to|auf|zu|nach|bis|a|hasta|towards?|near|below|under|unter)\W+(?:\w+\W+){0,4}$")
_TO_ZERO = re.compile(r"(?<![\d.,/])\b(?:0(?![.,:/]?\d|/)|zero|null|cero|none|nothing)\b")
_BETTER_OF_PIECES = cue("better-pieces")
_SLOWLY = re.compile(r"\W*(?:by )?(?:\w+ ){0,2}(?:less|more slowly|slower|weniger|langsamer|menos)\b")
_ONE_BY_ONE = re.compile(r"(?:piece|bit|token|word|chunk|part) by (?:piece|bit|token|word|chunk|part)|one by one")
_INSTEAD = re.compile(r"\b(?:instead of|rather than|statt|anstatt|en vez de|en lugar de)\b")
_FUNCTION = re.compile(
    r"\b(?:increase|i?rate|i?delta|sum|avg|max|min|\w+_over_time|histogram_quantile)\((?=[^()]*[\w:]*_)"
)
"""Of PromQL: no word of direction."""
_LUMPS = re.compile(r"(?:burst|lump|clump|blob|gulp|schub|klumpen|brocken|rafaga|golpe)")
_WORSE_OF_PIECES = cue("worse-pieces")


@dataclass(frozen=True)
class Move:
    """A metric that goes up or down, and the part of the sentence that says so."""

    metric: str
    way: Way
    strong: bool
    """Whether it is said that it must, not that it may."""
    segment: str


@lru_cache(maxsize=1024)
def moves(folded: str) -> list[Move]:
    """Every metric of a sentence that is said to go somewhere."""
    folded = _FUNCTION.sub(lambda m: " " * len(m[0]), folded)
    named = mentions(folded)
    if any("time" in metrics()[m.metric].numbers for m in named):
        named = [m for m in named if m.metric != "percentile"]  # it is of that time
    parts = list(_segments(folded))
    ways = [_ways(folded, a, b) for a, b in parts]
    found = []
    for place, (a, b) in enumerate(parts):
        for mention in (m for m in named if a <= m.start < b):
            way = _way_of(mention, folded, parts, ways, place)
            if way is not None:
                found.append(Move(mention.metric, way, not _may(folded[a:b]), folded[a:b]))
    return found


def _segments(folded: str) -> Iterator[tuple[int, int]]:
    start = 0
    for cut in _CUT.finditer(folded):
        yield start, cut.start()
        start = cut.start() if cut[0].strip() in ("without", "ohne", "sin") else cut.end()
    yield start, len(folded)


def _may(segment: str) -> bool:
    return bool(cue("may").search(segment))


def _ways(folded: str, start: int, end: int) -> list[tuple[int, int, str]]:
    """The words of direction in a part of a sentence: where each begins and ends, and which way it is."""
    segment = folded[start:end]
    found = []
    for name in ("up", "down", "little", "good", "bad"):
        for m in word(name).finditer(segment):
            found.append((start + m.start(), start + m.end(), name))
    for m in _TO_ZERO.finditer(segment):
        found.append((start + m.start(), start + m.end(), "zero"))
    here = [n for n in numbers(folded) if start <= n.start < end + 40]
    for first, second in pairwise(here):
        same = first.unit.dimension == second.unit.dimension
        if (
            same
            and first.in_base != second.in_base
            and _FROM.search(folded[start : first.start])
            and _TO.search(folded[first.end : second.start])
        ):
            found.append((first.start, second.end, "to more" if second.in_base > first.in_base else "to less"))
    for m in _LESS_THAN.finditer(segment):
        found.append((start + m.start(), start + m.end(), "more than" if m[0].startswith(">") else "less than"))
    return sorted(w for w in found if not any(_inside(w, other) for other in found))


def _inside(way: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    """Whether a word is a part of a longer one: 'mas corta'."""
    return other[0] <= way[0] and way[1] <= other[1] and way[1] - way[0] < other[1] - other[0] and way[2] != "zero"


def _way_of(
    mention: Mention, folded: str, parts: list[tuple[int, int]], ways: list[list[tuple[int, int, str]]], place: int
) -> Way | None:
    few = metrics()[mention.metric].better != "up"  # little time is better, little throughput says nothing
    outside = [[w for w in each if _is_of(w, mention) and (few or w[2] != "little")] for each in ways]
    here = outside[place]
    if mention.metric == "chunks" and _LUMPS.match(folded[mention.start : mention.end]):
        return None  # lumps that go away are better, and so are more pieces: see the signs of a rubric
    if mention.metric == "chunks":
        segment = folded[parts[place][0] : parts[place][1]]
        if _ONE_BY_ONE.search(segment):
            return "up"
        if _INSTEAD.search(folded[parts[place][0] : mention.start]):
            return None
        pieces = _of_pieces(folded[parts[place][0] : parts[place][1]])
        if pieces is not None:
            return pieces
    if here:
        return _turned(min(here, key=lambda w: _distance(w, mention)), mention, folded, parts[place])
    start, end = parts[place]
    if re.match(
        r"(?:no|without|zero|kein\w*|ohne|sin|ningun\w*|0)\b[\w\s'-]*$", folded[start : mention.start].lstrip(" '\"")
    ) and re.match(r"\W*(?:no|without|zero|kein|ohne|sin|ningun|0)", folded[start : mention.start]):
        return "down"
    for step, stop in ((1, len(parts)), (-1, -1)):
        for at in range(place + step, stop, step):
            there = [w for w in outside[at] if w[2] not in ("less than", "more than", "little")]
            if there:
                nearest = there[0] if step > 0 else there[-1]
                return _turned(nearest, mention, folded, parts[at])
            if re.search(r"\.\s*$", folded[parts[at][0] : parts[at][1]]):
                break
    if denied(folded, mention.start, mention.end) and mention.metric in (
        "preemptions",
        "restarts",
        "waiting",
        "errors",
    ):
        return "down"
    if word("low").search(folded[start:end]):
        return "down"
    return None


def _is_of(way: tuple[int, int, str], mention: Mention) -> bool:
    """Whether a word of direction is not a part of the metric's own name."""
    return way[1] <= mention.start or way[0] >= mention.end


def _of_pieces(segment: str) -> Way | None:
    if re.search(r"\b(?:no|not|instead|statt|no longer|nicht|en vez)\b", segment) and not re.search(
        r"\bmore\b|\bmehr\b", segment
    ):
        return None
    better, worse = _BETTER_OF_PIECES.search(segment), _WORSE_OF_PIECES.search(segment)
    if better and not worse:
        return "up"
    return "down" if worse and not better else None


def _distance(way: tuple[int, int, str], mention: Mention) -> int:
    if way[2] in ("to more", "to less"):
        return -1
    return way[0] - mention.end if way[0] >= mention.end else mention.start - way[1]


def _turned(way: tuple[int, int, str], mention: Mention, folded: str, part: tuple[int, int]) -> Way:
    """The way that a word means for this metric: what must not rise is as good as what falls."""
    start, _, name = way
    better = metrics()[mention.metric].better
    if name == "up" and _SLOWLY.match(folded[way[1] :]):
        return "down"
    if name in ("zero", "to less"):
        return "down"
    if name == "little":
        return "down"
    if name == "to more":
        return "up"
    if name in ("good", "bad"):
        best: Way = "up" if better == "up" else "down"
        worst: Way = "down" if best == "up" else "up"
        name = best if name == "good" else worst
    negated = bool(_NOT.search(re.sub(r"\bnot only\b|\bnicht nur\b", "", folded[part[0] : start])[-45:]))
    if negated:
        return "down" if name == "up" else "up"
    return "up" if name == "up" else "down"
