"""The seven criteria of a recommendation, and those of them that judge what is proposed and how it is checked."""

import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

from vlab.rubric.pressure import pressure_right
from vlab.rubric.proposals import Proposal
from vlab.rubric.reading import Reading
from vlab.rubric.seen import number_true, signal_exists
from vlab.rubric.stance import clause_at, rejected
from vlab.rubric.text import Sentence
from vlab.rubric.verdict import Criterion
from vlab.rubric.vocabulary import checks, cue, metrics, word

Ask = Callable[[Reading], Criterion]


def change_acts(r: Reading) -> Criterion:
    """What is proposed acts on the scenario's bottleneck, whatever the learner took it for."""
    acting = [p for p in r.proposals if _acts(r, p)]
    if acting:
        first = acting[0]
        against = [p for p in r.proposals if p.thing == first.thing and p.id and p.id != first.id and not _acts(r, p)]
        if against and first.thing not in ("priority", "cache-size", "buffering", "gzip"):
            return Criterion(
                "change_acts",
                "fail",
                f"{first.sentence.text} ... {against[0].sentence.text}",
                "these two contradict each other: propose one of them",
            )
        return Criterion(
            "change_acts", "pass", first.sentence.text, f"it acts on the bottleneck: {first.id.replace('-', ' ')}"
        )
    if r.proposals:
        first = r.proposals[0]
        name = (first.id or first.thing).replace("-", " ")
        return Criterion(
            "change_acts", "fail", first.sentence.text, f"{name} does not act on what the evidence shows to be short"
        )
    unknown = next((s for s in r.proposing if re.search(r"--[a-z][a-z-]{3,}", s.folded)), None)
    if unknown is not None:
        return Criterion(
            "change_acts",
            "unsure",
            unknown.text,
            "this flag is not known here: name the flag and its value in a code span, and what it does",
        )
    span = r.proposing[0].text if r.proposing else ""
    return Criterion("change_acts", "fail", span, "say which flag, resource or route you would change, and which way")


def _acts(r: Reading, p: Proposal) -> bool:
    changes = r.rubric.changes
    if p.id in r.rubric.vetoes.unproven:
        return bool(_MORE_MEMORY.search(p.sentence.folded)) and pressure_right(r).verdict == "pass"
    return p.id in changes.act or (p.id in changes.act_on_batch and p.of == "batch")


_MORE_MEMORY = re.compile(r"memory|vram|cache|speicher|memoria|\d ?gi?b\b")
_NEVER = cue("never-so")
_MOST_CHANGES = 3
"""Of different kinds in one answer; what is set together for one end is one of them."""
_DIGITS = re.compile(r"(?<![\w.])\d{1,6}(?![\w.]*\w)")
_CODE = re.compile(r"`(?!vllm:[a-z])[^`]{3,}`")
_LEFT = re.compile(r"\b(?:leav\w+|stays?|remains?|bleib\w*|queda\w*)\b")
"""What stays as it is is no step."""
_NOTHING = cue("expects-nothing")
_CONCRETE = cue("concrete")


def change_specific(r: Reading) -> Criterion:
    """A flag, a value, a resource or an equally concrete step; and not everything at once."""
    groups = list(dict.fromkeys(p.group for p in r.proposals if p.named and p.thing != "restart"))
    kinds = Counter(group for group, _ in {(p.group, p.id) for p in r.proposals if p.named and p.id})
    if max(len(groups), *kinds.values(), 0) > _MOST_CHANGES:
        spans = " ... ".join(dict.fromkeys(p.sentence.text for p in r.proposals))[:400]
        return Criterion(
            "change_specific",
            "fail",
            spans,
            f"{max(len(groups), *kinds.values())} changes at once are not one: choose one, and see what it does",
        )
    named = next((p for p in r.proposals if p.named or (p.id and _DIGITS.search(p.sentence.folded))), None)
    if named is not None:
        return Criterion("change_specific", "pass", named.sentence.text, "a setting or a resource is named")
    concrete = next(
        (
            s
            for s in r.proposing
            if _names_something(s) and not (word("same").search(s.folded) and not r.offers(s)) and not _only_talk(s)
        ),
        None,
    )
    if concrete is not None:
        return Criterion("change_specific", "pass", concrete.text, "a concrete step is named")
    span = r.proposing[0].text if r.proposing else ""
    return Criterion("change_specific", "fail", span, "name the flag, its value, or the resource that you would change")


def _names_something(sentence: Sentence) -> bool:
    """Whether a sentence has a code span or a concrete word that it does not reject."""
    found = [*_CODE.finditer(sentence.text), *_CONCRETE.finditer(sentence.folded)]
    folded = sentence.folded
    return sentence.code or any(
        not rejected(folded, m.start(), m.end()) and not _LEFT.search(folded[slice(*clause_at(folded, m.start()))])
        for m in found
    )


def _only_talk(sentence: Sentence) -> bool:
    return (
        bool(re.search(r"\b(?:metrics|see|look at|investigate|monitor\w*|above)\b", sentence.folded))
        and "--" not in sentence.folded
    )


def no_veto(r: Reading) -> Criterion:
    """None of the known mistakes is proposed; to name one in order to reject it is right."""
    acts = any(_acts(r, p) for p in r.proposals)
    others = any(p.id and p.named and p.thing not in ("restart", "other-node", "image-change") for p in r.proposals)
    for p in (*r.proposals, *r.added):
        if p.id in r.rubric.vetoes.always or (p.id in r.rubric.vetoes.unproven and not acts):
            return Criterion("no_veto", "fail", p.sentence.text, f"a known mistake here: {p.id.replace('-', ' ')}")
        alone = p.id in r.rubric.vetoes.alone and not acts and not (p.id == "restart" and others)
        if alone:
            return Criterion(
                "no_veto", "fail", p.sentence.text, f"a known mistake here, alone at least: {p.id.replace('-', ' ')}"
            )
    return Criterion("no_veto", "pass", "", "no known mistake is proposed")


def validation_complete(r: Reading) -> Criterion:
    """A metric or symptom of this incident, the way it goes, and the same or a comparable load."""
    wanted = r.rubric.validation
    if not r.checking:
        return Criterion(
            "validation_complete", "fail", "", "say which metric goes which way under the same load, if you are right"
        )
    found = [(m, s) for before, s in pairwise([None, *r.checking]) if s for m in r.moves_of(s, before)]
    right = [(m, s) for m, s in found if m.way == wanted.moves[m.metric]]
    wrong = [
        (m, s)
        for m, s in found
        if m.way != wanted.moves[m.metric] and m.strong and metrics()[m.metric].better and not r.offers(s)
    ]
    signs = [s for s in r.checking for name in wanted.signs if _promised(name, s.folded)]
    nothing = next((s for s in r.checking if _NOTHING.search(s.folded)), None)
    if nothing is not None:
        return Criterion("validation_complete", "fail", nothing.text, "say what gets better, not what does not")
    both = next(((s, t) for m, s in right if m.strong for n, t in wrong if n.metric == m.metric), None)
    if both is not None:
        return Criterion(
            "validation_complete",
            "fail",
            " ... ".join(dict.fromkeys(s.text for s in both)),
            "these two contradict each other",
        )
    if wrong:
        move, sentence = wrong[0]
        return Criterion(
            "validation_complete",
            "fail",
            sentence.text,
            f"{move.metric.replace('_', ' ')} {move.way}? if the change helps it goes the other way",
        )
    if not right and not signs:
        return Criterion(
            "validation_complete",
            "fail",
            r.checking[0].text,
            "name a metric or symptom of this incident, and which way it goes",
        )
    text = "\n".join(s.folded for s in r.checking)
    span = right[0][1].text if right else signs[0].text
    if (
        wanted.not_under
        and checks()[wanted.not_under].search(text)
        and not (wanted.unless and checks()[wanted.unless].search(text))
    ):
        return Criterion(
            "validation_complete",
            "fail",
            span,
            "this incident does not show there: check it as it showed, under the same load and on the same way",
        )
    if not r.repeats:
        return Criterion("validation_complete", "fail", span, "say under which load: the same, or a comparable one")
    return Criterion(
        "validation_complete", "pass", span, "a sign of this incident, its direction and the load are named"
    )


def _promised(sign: str, folded: str) -> bool:
    """Whether a sign is said to be seen, not to be missed."""
    return any(not _NEVER.search(folded[: m.start()]) for m in checks()[sign].finditer(folded))


CRITERIA: tuple[Ask, ...] = (
    signal_exists,
    number_true,
    pressure_right,
    change_acts,
    change_specific,
    no_veto,
    validation_complete,
)
