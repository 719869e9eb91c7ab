"""Whose a number is: the words in its own part of a sentence, else in the parts beside it."""

from collections.abc import Sequence
from functools import lru_cache

from vlab.rubric.quantities import Number
from vlab.rubric.vocabulary import cue, terms

WHOSE = terms("whose")
"""What tells one class of the load, or one path of a stream, from the other."""

_SEGMENT = cue("segment")
_CONJUNCTION = cue("conjunction")
_CONTRAST = cue("contrast")


def part_of(folded: str, place: int) -> tuple[int, int]:
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


def nearest_cue(number: Number, folded: str, here: Sequence[Number], names: Sequence[str]) -> str:
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
            said |= {name for name in names if WHOSE[name].search(text)}
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
    ahead = min(((m.start(), n) for n in names for m in WHOSE[n].finditer(behind)), default=(999, ""))
    back = min(((len(before) - m.end(), n) for n in names for m in WHOSE[n].finditer(before)), default=(999, ""))
    return min(ahead, back)[1]


def _nearest(text: str, names: Sequence[str], *, from_end: bool) -> str:
    found = [(m.start(), name) for name in names for m in WHOSE[name].finditer(text)]
    if not found:
        return ""
    return (max if from_end else min)(found)[1]
