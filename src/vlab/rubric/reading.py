"""A text with what it is judged by: its sentences by what they may say, the run's figures and the rubric."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from vlab.rubric.binding import bind
from vlab.rubric.direction import Move, moves
from vlab.rubric.figures import Figure
from vlab.rubric.model import Rubric
from vlab.rubric.proposals import Proposal, proposed
from vlab.rubric.stance import refuses, supposed
from vlab.rubric.text import Sentence
from vlab.rubric.vocabulary import checks, cue, word

_SETTLED = cue("settled-if")
_RECOMMENDS = cue("recommends")
_LOOKED = re.compile(r"\b(?:i|we) (?:\w+ )?(?:looked|saw|measured|noticed|observed)\b(?!.*(?:--|\bi'd\b|\bi would\b))")
_SURELY_SEEN = 2
"""Numbers of the run in one sentence, which then tells what was."""
_TAKES_UP = re.compile(r"\W*(?:both|all(?: \w+)?|they|these|those|each|it|beide|alle|sie|ambos|ambas|tod[oa]s)\b")
_AGAIN = cue("again")
_PROPOSES = cue("proposes")


@dataclass(frozen=True)
class Reading:
    """A text, read against a run."""

    sentences: Sequence[Sentence]
    table: Sequence[Figure]
    rubric: Rubric
    flags: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def parts(self) -> frozenset[str]:
        """The parts that have a heading."""
        return frozenset(s.part for s in self.sentences if s.part)

    def of(self, part: str) -> list[Sentence]:
        """The sentences under a heading."""
        return [s for s in self.sentences if s.part == part]

    @cached_property
    def proposing(self) -> list[Sentence]:
        """The sentences that may propose a change."""
        own = self.of("change")
        if own:
            return own
        said = [s for s in self.sentences if s.part in ("", "interpretation") or s.code]
        return [s for s in said if self._proposes(s) or self._proposes_in_short(s)]

    def _proposes_in_short(self, sentence: Sentence) -> bool:
        """Whether a sentence names a change that the rubric knows, without a word that proposes it."""
        if self._only_checks(sentence) or supposed(sentence.folded):
            return False
        rubric = self.rubric
        known = {*rubric.changes.act, *rubric.vetoes.always, *(rubric.changes.act_on_batch if sentence.code else ())}
        return any(
            p.id in known and p.id != "one-pool" and (p.named or sentence.code) for p in self._proposed_in([sentence])
        )

    def _proposes(self, sentence: Sentence) -> bool:
        return (
            bool(_PROPOSES.search(sentence.folded))
            and not _LOOKED.search(sentence.folded)
            and not self._only_checks(sentence)
        )

    def _only_checks(self, sentence: Sentence) -> bool:
        wanted = self.rubric.validation.moves
        ways = [m.way == wanted[m.metric] for m in self.moves_of(sentence)]
        if ways and not any(ways) and self._proposed_in([sentence]):
            return False  # what is to be larger is no sign
        return (
            self.expects(sentence)
            and not _RECOMMENDS.search(sentence.folded)
            and not re.search(r"--[a-z]|emptydir|_\w+ off|\bi'd\b|\bi would\b|wurde ich|ich wurde", sentence.folded)
        )

    def expects(self, sentence: Sentence) -> bool:
        """Whether a sentence says what is to be seen once the change is made."""
        if not (self.moves_of(sentence) or self._sign(sentence)) or refuses(sentence.folded):
            return False
        folded = sentence.folded
        if _SETTLED.search(folded) or _AGAIN.search(folded):
            return True
        return bool(word("will").search(folded) or checks()["same-load"].search(folded) or word("same").search(folded))

    def offers(self, sentence: Sentence) -> bool:
        """Whether a sentence outside of the validation's part is one that proposes something."""
        return sentence.part != "validation" and bool(self._proposed_in([sentence]))

    @cached_property
    def repeats(self) -> bool:
        """Whether the check is made as the incident showed: under the scenario's load, or again as it was."""
        under = checks()[self.rubric.validation.load]
        own = self.of("validation")
        again = [s for s in self.of("change") if not self._proposed_in([s])] if own else []
        text = "\n".join(s.folded for s in (*self.checking, *again))
        return bool(under.search(text) or (word("same") if own else _AGAIN).search(text))

    def _sign(self, sentence: Sentence) -> bool:
        return any(checks()[name].search(sentence.folded) for name in self.rubric.validation.signs)

    def moves_of(self, sentence: Sentence, before: Sentence | None = None) -> list[Move]:
        """The metrics of this scenario that a sentence moves: its own, else those of the one that it takes up."""
        wanted = self.rubric.validation.moves
        own = [m for m in moves(sentence.folded) if m.metric in wanted]
        if own or before is None or not _TAKES_UP.match(sentence.folded):
            return own
        return [m for m in moves(f"{before.folded.rstrip(' .:;')} {sentence.folded}") if m.metric in wanted]

    @cached_property
    def checking(self) -> list[Sentence]:
        """The sentences that may say how the change is validated."""
        own = self.of("validation")
        if own:
            return own
        here = [s for s in self.sentences if s.part in ("", "change", "interpretation")]
        found: list[Sentence] = []
        for before, sentence in pairwise([None, *here]):
            if sentence is not None and self._is_check(sentence, follows=before in found):
                under = before is not None and before not in found and checks()[self.rubric.validation.load]
                if under and before is not None and under.search(before.folded) and not self._proposed_in([before]):
                    found.append(before)
                found.append(sentence)
        return found

    def _is_check(self, sentence: Sentence, *, follows: bool) -> bool:
        """Whether a sentence is about the check: what is to be seen, under what, or what goes on from there."""
        if refuses(sentence.folded) or (self._cites(sentence) and not word("will").search(sentence.folded)):
            return False
        same = bool(word("same").search(sentence.folded))
        under = checks()[self.rubric.validation.load]
        load = bool(checks()["same-load"].search(sentence.folded) or (same and under.search(sentence.folded)))
        offers = self._proposed_in([sentence])
        if not load and (any(p.named for p in offers) or (offers and self._proposes(sentence))):
            return False
        return (
            self.expects(sentence)
            or load
            or same
            or (follows and bool(self.moves_of(sentence) or self._sign(sentence)))
        )

    @cached_property
    def proposals(self) -> list[Proposal]:
        """The changes that are proposed."""
        return self._proposed_in(self.proposing)

    @cached_property
    def added(self) -> list[Proposal]:
        """What is recommended in so many words where no change is looked for."""
        return self._proposed_in(
            [s for s in self.sentences if s not in self.proposing and _RECOMMENDS.search(s.folded)]
        )

    def _proposed_in(self, sentences: Sequence[Sentence]) -> list[Proposal]:
        return proposed(sentences, self.flags, self.rubric.changes.batch_priority, self.rubric.changes.act)

    @cached_property
    def observing(self) -> list[Sentence]:
        """The sentences that may say what was seen: first those under that heading."""
        rest = [s for s in self.sentences if s.part in ("", "interpretation") and not self._is_future(s)]
        own = self.of("signal")
        if own:  # what explains what was seen was not seen; where it cites a number of the run, it was
            rest = [s for s in rest if bind(s.folded, self.table, self.rubric.numbers)]
        return [s for s in (*own, *rest) if not supposed(s.folded)]

    def _cites(self, sentence: Sentence) -> bool:
        """Whether a sentence has so many of the run's numbers that it tells what was."""
        found = bind(sentence.folded, self.table, self.rubric.numbers)
        return sum(bool(b.figure and b.number.value) for b in found) >= _SURELY_SEEN

    def _is_future(self, sentence: Sentence) -> bool:
        told = sentence.part or self._cites(sentence)
        return not told and (self.expects(sentence) or sentence in self.proposing)

    @cached_property
    def explaining(self) -> list[Sentence]:
        """The sentences that may say where the bottleneck is."""
        own = self.of("interpretation")
        rest = [s for s in self.sentences if s.part in ("", "signal") and not self._is_future(s)]
        return [s for s in own or rest if not supposed(s.folded)]
