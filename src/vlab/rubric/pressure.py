"""pressure_right: where the writer sees the bottleneck, against where the evidence shows it."""

import re
from dataclasses import dataclass

from vlab.rubric.reading import Reading
from vlab.rubric.stance import clause_at, denied
from vlab.rubric.text import Sentence
from vlab.rubric.verdict import Criterion
from vlab.rubric.vocabulary import any_of, cue, pressures, word

_NAMED_SO = cue("called-pressure")
_HEDGE = cue("hedge")
_LACK = cue("lack")
_ALONE = 3
"""Words of a sentence that is nothing but the answer."""
_OR = re.compile(r"\b(?:or|nor|oder|noch|ni|o)\b")
_ROOM = cue("has-room")
_LISTED = re.compile(r"\W*(?:\w+ ){0,2}(?:(?:or|nor|oder|noch|o|ni) )?")
_STOCK = re.compile(r"\b(?:blocks?|space|room|pages?|memory|capacity|blocke|bloques|espacio)$|^enough")
_NONE = re.compile(r"(?:\bno|\bnot|n't|\bkein\w*|\bnicht|\bsin|\bwithout|\bohne)\s+(?:\w+\s+)?$")
_OTHER_CACHE = re.compile(r"(?:prefix|model|browser|disk|page|http|proxy)[ -]?cache|cache-control|modellcache")


@dataclass(frozen=True)
class Seen:
    """A pressure that a sentence speaks of."""

    pressure: str
    sentence: Sentence
    denied: bool
    strong: bool
    """Whether it is called the pressure, the cause, the bottleneck."""


def seen(sentence: Sentence) -> list[Seen]:
    """Every pressure that a sentence asserts or denies."""
    folded = _OTHER_CACHE.sub(lambda m: " " * len(m[0]), sentence.folded)
    every = [(m.start(), m, name) for name, each in pressures().items() for m in any_of(each.called).finditer(folded)]
    found: list[Seen] = []
    for start, m, name in sorted(every, key=lambda e: (e[0], -e[1].end())):
        a, b = clause_at(folded, start)
        is_denied = _is_denied(folded, a, b, m) or (_goes_on(folded, a, b, m) and bool(found) and found[-1].denied)
        found.append(Seen(name, sentence, is_denied, _called_so(folded, a, max(b, m.end()))))
    return found


def _called_so(folded: str, first: int, last: int) -> bool:
    """Whether it is called the pressure, or named all alone."""
    return bool(_NAMED_SO.search(folded[first:last])) or (len(folded.split()) <= _ALONE and not folded.startswith("["))


def _is_denied(folded: str, first: int, last: int, m: re.Match[str]) -> bool:
    """Whether a pressure is denied; that there is none left of something asserts it."""
    if _has_room(folded, m.end(), last):
        return True
    short = _LACK.search(folded[first : m.start()]) or (_STOCK.search(m[0]) and _NONE.search(folded[first : m.start()]))
    return denied(folded, m.start(), m.end()) and not short


def _goes_on(folded: str, first: int, last: int, m: re.Match[str]) -> bool:
    """Whether a mention goes on with a list: 'not cache, compute or network'."""
    listed = folded[:first].rstrip(" ").endswith(",") and _OR.search(folded[first:last])
    return bool(listed) and bool(_LISTED.fullmatch(folded[first : m.start()]))


def _has_room(folded: str, end: int, last: int) -> bool:
    """'compute is idle', 'the cache has room': said of something that is not short."""
    return bool(_ROOM.match(folded[end : max(last, end)]))


def pressure_right(r: Reading) -> Criterion:
    """The bottleneck is where the evidence shows it."""
    wanted = r.rubric.pressures
    everything = [s for sentence in r.explaining for s in seen(sentence)]
    right = [s for s in everything if s.pressure in wanted.right and not s.denied]
    refused = [s for s in everything if s.pressure in wanted.right and s.denied]
    wrong = [s for s in everything if s.pressure in wanted.wrong and not s.denied]
    first = r.explaining[0].text if r.explaining else ""
    if wrong and (not right or (any(w.strong for w in wrong) and not any(x.strong for x in right))):
        return Criterion(
            "pressure_right",
            "fail",
            wrong[0].sentence.text,
            f"the evidence does not show {_said(wrong[0])} to be short",
        )
    if not right:
        help_ = (
            "the evidence shows it: do not rule it out"
            if refused
            else "name the pressure: cache, compute, startup or network path"
        )
        return Criterion("pressure_right", "fail", refused[0].sentence.text if refused else first, help_)
    hedged = [w for w in wrong if any(w.sentence == x.sentence for x in right) and _HEDGE.search(w.sentence.folded)]
    if hedged:
        return Criterion(
            "pressure_right", "fail", hedged[0].sentence.text, "decide for the one pressure that the evidence shows"
        )
    if any(x.strong for x in right) and any(w.strong for w in wrong):
        return Criterion(
            "pressure_right",
            "fail",
            f"{right[0].sentence.text} ... {next(w for w in wrong if w.strong).sentence.text}",
            "two pressures are named: decide for the one that the evidence shows",
        )
    if wanted.beside:
        compete = any(x.pressure == "contention" for x in right)
        text = "\n".join(s.folded for s in (r.sentences if compete else r.explaining))
        if not word(wanted.beside).search(text) and not re.search(
            r"\bmix\w*|both classes|each other|classes|two (?:kinds|populations|groups|sorts|types|workloads|loads)",
            text,
        ):
            return Criterion(
                "pressure_right",
                "fail",
                right[0].sentence.text,
                f"say who competes for it: the evidence shows it only beside {wanted.beside}",
            )
    strong = next((x for x in right if x.strong), right[0])
    return Criterion("pressure_right", "pass", strong.sentence.text, f"the evidence shows {_said(strong)}")


def _said(one: Seen) -> str:
    return one.pressure.replace("_", " ")
