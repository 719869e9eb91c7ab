"""The changes that a text proposes: which thing, which way, whose, and whether it says so or says that it will not."""

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from vlab.rubric import priority, shared_memory
from vlab.rubric.stance import clause_at, rejected, supposed
from vlab.rubric.text import Sentence
from vlab.rubric.vocabulary import Change, any_of, changes, cue, word

_FLAG = re.compile(r"max[-_ ]?model[-_ ]?len")
_CONSEQUENCE = re.compile(r",\s+(?:which|so that|so|damit|wodurch|para que|lo que)\b")
_OFF = cue("switched-off")
_SWITCHED = re.compile(r"['\"]?\s*[:=]?\s*['\"]?(off|false|no|none|0|true|yes|on(?=['\";,.\s]*(?:$|with\b)|['\";]))\b")
_FLAG_NAMED = re.compile(r"--\w[\w-]*$")
_TAKEN_OUT = cue("taken-out")
_TAKEN_OUT_AFTER = cue("taken-out-after")
_TOO_LITTLE = re.compile(
    r"^['\"\s]*(?:is|are|was|seems|ist|es|esta)\s(?:\w+\s)?(?:(too (?:low|small|tight)|zu (?:klein|niedrig))|too )"
)
_SET_THERE = re.compile(
    r"['\"\s]*(?:(?:im|in|of|on|the|for|del?|en|el|der|des|deployment|args|engine|server|its|value)\s+){1,4}"
    r"(?:auf|to|at|a)\s+['\"]?(\d[\d.,]*)"
)
"""A value that is said behind where it is set."""
_NOT_THE_LAST = re.compile(r"(?:\b(?:not|never|instead of|rather than|nicht|nie|statt|en vez de)|\bno)\s(?:\w+\s)?\w+$")
"""'Scale on the queue, not on CPU': what ends a step is what is denied."""
_ASKS = cue("asks")
"""A question that asks nobody to do it proposes nothing."""
_OFF_BEHIND = re.compile(r"['\"\s:=]*(?:off|out of|false|aus)\b")
_POOL = re.compile(
    r"deployment|engine|pool|replica|server|service|instan|node|pod|vllm-|tier|lane|gpu|cluster|endpoint|motor|despliegue|dienst|separat|getrennt"
)
_COUNTED = re.compile(r"\b(?:an?|one|two|three|another|second|ein\w*|zwei|zwo|una?|dos)\b")
_REACH = 45
"""Characters over which a word of direction is one of a thing."""
_NOT_DONE = cue("not-done")
"""To do without a thing is to turn it off."""


@dataclass(frozen=True)
class Proposal:
    """One change that a sentence speaks of."""

    id: str
    """The change, as rubrics call it; empty where a thing is named and nothing tells what is done with it."""
    thing: str
    """Its name in the vocabulary."""
    sentence: Sentence
    named: bool
    """Whether a setting or a resource is named by it."""
    of: str = ""
    """batch or chat, where the sentence speaks of one of them only."""
    value: float | None = None

    @property
    def group(self) -> str:
        """What it is a part of."""
        return changes()[self.thing].group or self.thing


def proposed(
    sentences: Sequence[Sentence], flags: Mapping[str, float], batch_priority: int = 0, others: Container[str] = ()
) -> list[Proposal]:
    """Every change that the sentences propose; those that they reject are not among them.

    Args:
        sentences: those that may propose something.
        flags: the engine's numeric flags by name, as they are now.
        batch_priority: what the batch's requests say for themselves.
        others: changes of the cluster that are looked for; elsewhere their words mean something else.
    """
    text = "\n".join(s.folded for s in sentences)
    found: list[Proposal] = []
    for sentence in (s for s in sentences if not supposed(s.folded) and not _ASKS.search(s.folded)):
        for name, change in changes().items():
            if change.group == "cluster" and name not in others:
                continue
            found += _in(sentence, name, change, flags)
    return list(_settled(found, text, batch_priority))


def _in(sentence: Sentence, name: str, change: Change, flags: Mapping[str, float]) -> Iterator[Proposal]:
    folded = sentence.folded
    of = _whose(folded)
    told = any_of(change.steps).finditer(folded) if change.steps else ()
    meant = [m[0] for m in told if not rejected(folded, m.start(), m.end())]
    if change.group != "edge":
        meant = [m for m in meant if not _NOT_THE_LAST.search(m)]
    if meant:
        yield Proposal(change.id or name, name, sentence, any(_concrete(m, change) for m in meant), of)
    for match in any_of(change.called).finditer(folded) if change.called else ():
        if rejected(folded, match.start(), match.end()):
            before, after = folded[: match.start()][-40:], folded[match.end() :][:60]
            negated = _NOT_DONE.search(before)
            if (negated and word("off").search(negated[0][3:])) or _OFF_BEHIND.match(after):
                continue  # not to turn it off
            if change.off and (_NOT_DONE.search(before) or _OFF.search(after)):
                yield Proposal(change.off, name, sentence, _concrete(match[0], change), of)
            continue
        named = _concrete(match[0], change)
        if not named and _CONSEQUENCE.search(folded[: match.start()]):
            continue
        way, value = _way(folded, match.start(), match.end(), change, flags)
        yield Proposal(getattr(change, way) or "" if way else "", name, sentence, named, of, value)


def _concrete(mention: str, change: Change) -> bool:
    counted = change.group == "hardware" and _COUNTED.search(mention)
    return (
        change.named
        or bool(counted)
        or bool(re.search(r"[-_]\w+[-_]|\w_\w|proxy-buffering|(?:response|proxy|output) buffering|--|\d", mention))
    )


def _whose(folded: str) -> str:
    of = [name for name in ("batch", "chat") if word(name).search(folded)]
    return of[0] if len(of) == 1 else ""


def _way(folded: str, start: int, end: int, change: Change, flags: Mapping[str, float]) -> tuple[str, float | None]:
    """up, down, on or off by the nearest word, else by the value; empty where neither tells."""
    flat = folded.replace("(", " ").replace(")", " ")
    first, last = clause_at(flat, start)
    before, after = folded[first:start], folded[end : max(end, last)]
    value = _value(folded[end : end + 40])
    if value is None and (match := _SET_THERE.match(folded[end : end + 60])):
        value = _value(f"to {match[1]}")
    flag = bool(_FLAG_NAMED.search(folded[first:end]))
    if change.off and flag and value is None and (_TAKEN_OUT.search(before) or _TAKEN_OUT_AFTER.match(after)):
        return "off", None
    short = _TOO_LITTLE.match(after)
    if short and flag:
        return ("up" if short[1] else "down"), value
    both = cue("from-to").search(folded[end : end + 60])
    if both:
        old, new = (float(x.rstrip(".,").replace(",", "")) for x in both.groups())
        return ("up" if new > old else "down"), new
    ways = [name for name in ("up", "down", "off", "on") if getattr(change, name)]
    near = []
    for way in ways:
        classes = ("down", "cap") if way == "down" else (way,)
        for each in classes:
            near += [(len(before) - m.end(), way) for m in word(each).finditer(before)]
            near += [
                (m.start() + 4, way)
                for m in word(each).finditer(after)
                if not re.match(r"\w*(?:ready|fall)", after[m.start() :])
            ]
    switched = _SWITCHED.match(folded[end : end + 24])
    if switched and change.off:
        return ("on" if switched[1] in ("on", "true", "yes") else "off"), value
    near = [each for each in near if each[0] <= _REACH]
    if near:
        return min(near)[1], value
    if value is not None and change.small is not None and change.small >= 0:
        now = flags.get(change.flag or "", change.small)
        limit = max(now, change.small) if "down" in ways else now
        return ("up" if value > limit else "down"), value
    return (change.otherwise or ""), value


def _value(after: str) -> float | None:
    match = cue("value").match(after)
    if match is None:
        return None
    digits = match[1].rstrip(".,")
    digits = re.sub(r"[.,](?=\d{3}(?:\D|$))", "", digits).replace(",", ".")
    try:
        return float(digits) * (1000 if match[2] else 1)
    except ValueError:
        return None


def _settled(found: Sequence[Proposal], text: str, batch_priority: int) -> Iterator[Proposal]:
    """What several sentences decide together: the size of a volume, whose priority comes first."""
    things = {p.thing for p in found}
    for each in dict.fromkeys(found):
        roomier = each.id == "longer-context" and not _FLAG.search(each.sentence.folded)
        if each.thing in _unmeant(things, text) or (roomier and things & {"separate-pools", "long-context-tier"}):
            continue
        if each.thing == "priority":
            yield replace(each, id=priority.order(text, batch_priority))
        elif each.thing == "separate-pools" and cue("not-routed").search(text):
            yield replace(each, id="split-by-name-only")
        elif each.thing in ("shm-volume", "larger-shm", "shm-size-flag"):
            named = each.named or bool(shared_memory.sizes(text))
            yield replace(each, id=shared_memory.settled(each.id, text, things), named=named)
        else:
            yield each


def _unmeant(things: set[str], text: str) -> set[str]:
    """What the words of another change only look like."""
    found = set()
    if "one-pool" in things:
        found.add("separate-pools")
    if things & {"autoscale-on-cpu", "autoscale-on-load"} and not cue("one-more").search(text):
        found.add("replicas")
    if "separate-pools" in things and cue("gpu-of-its-own").search(text):
        found.add("bigger-hardware")
    if "shm-size-flag" in things:  # it is Docker's: a pod has no such flag, and the engine neither
        found |= {"larger-shm"}
    if "cache-size" in things and "limit" not in text:
        found.add("memory-limit")  # memory for the cache is none for the container
    if "priority" in things and not _POOL.search(text):
        found.add("separate-pools")
    if cue("restart-to-load").search(text):
        found.add("restart")
    return found
