"""Whether a writer asserts what is mentioned, denies or rejects it, or only supposes it: cues and their reach."""

import re
from functools import lru_cache

from vlab.rubric.vocabulary import cue

_BOUNDARY = cue("clause")

_BEFORE = cue("denied-before")
_AFTER = cue("denied-after")
_KEPT = cue("kept")
_ALL_REFUSED = cue("all-refused")
_NOT_TAKEN = cue("not-taken")
_TAKEN_OUT = re.compile(r"exclud|rul")
"""To exclude a thing from something is a step, and no refusal of one."""
_KEPT_AFTER = cue("kept-after")
_REJECTED_AFTER = cue("refused")
_SHORTEST = 6
_TOGETHER = re.compile(r"\{[^{}\n]*\}|\[\{[^\n]*\}\]")
"""Within these no clause ends."""
_BUT_THAT = re.compile(r"(?:but|aber|pero) (?:that|this|it|they|neither|both|das|es|eso)\b")
_SUPPOSED = cue("supposed")


@lru_cache(maxsize=1024)
def clauses(folded: str) -> tuple[tuple[int, int], ...]:
    """Where the clauses of a sentence begin and end."""
    found, start = [], 0
    whole = [m.span() for m in _TOGETHER.finditer(folded)]
    for boundary in _BOUNDARY.finditer(folded):
        if any(a <= boundary.start() < b for a, b in whole):
            continue
        found.append((start, boundary.start()))
        start = boundary.end()
    return (*found, (start, len(folded)))


def clause_at(folded: str, place: int) -> tuple[int, int]:
    """The clause that a place is in."""
    return next(((a, b) for a, b in clauses(folded) if a <= place <= b), (0, len(folded)))


def denied(folded: str, start: int, end: int) -> bool:
    """Whether what is mentioned there is said not to be so."""
    first, last = clause_at(folded, start)
    before = folded[first:start][-80:]
    if _BEFORE.search(before):
        return not _KEPT.search(before)
    after = folded[end : max(end, last)][:80]
    return bool(_AFTER.match(after)) and not _KEPT_AFTER.match(after)


def rejected(folded: str, start: int, end: int) -> bool:
    """Whether a step that is mentioned there is one that the writer will not take."""
    first, last = clause_at(folded, start)
    if folded[:first].endswith("(") and first > _SHORTEST and rejected(folded, first - 3, first - 2):
        return True  # what stands in brackets says once more what stands before them
    if _ALL_REFUSED.search(folded[:start]) or _NOT_TAKEN.search(folded[first:start]):
        return True
    if any(not _TAKEN_OUT.match(m[0]) for m in _BEFORE.finditer(folded[first:start][-80:])):
        return True
    following = folded[end : end + 160].split("\n")[0]
    stop = re.search(r";|\.\s|\b(?:but|so|instead|aber|sondern|stattdessen|pero|sino)\b", following)
    reach = following[: stop.start()] if stop else following
    if stop and _BUT_THAT.match(following[stop.start() :]) and _REJECTED_AFTER.search(following[stop.start() :]):
        return True
    return bool(_AFTER.match(folded[end : max(end, last)][:60])) or bool(_REJECTED_AFTER.search(reach))


def supposed(folded: str) -> bool:
    """Whether a sentence says what would be, not what is."""
    return bool(_SUPPOSED.search(folded) or cue("general").search(folded))


def refuses(folded: str) -> bool:
    """Whether a sentence says of a step that it would not help."""
    return bool(_REJECTED_AFTER.search(folded))
