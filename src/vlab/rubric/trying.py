"""What of a text can be tried out: one flag of the engine or the number of replicas, and what it is said to move."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vlab.catalog import Exercise, Parameters
from vlab.rubric import cuts
from vlab.rubric.direction import Way
from vlab.rubric.judging import flags, own_words
from vlab.rubric.model import rubric
from vlab.rubric.proposals import Proposal
from vlab.rubric.reading import Reading
from vlab.rubric.vocabulary import changes

_REPLICAS = 2
"""Where another replica is proposed without a number."""
_NUMBER = re.compile(r"replicas?\W{0,3}(\d\b)|\b(\d) replicas?\b")


@dataclass(frozen=True)
class Attempt:
    """A change that can be made to a copy of the deployment."""

    change: str
    """In the writer's own words."""
    values: Mapping[str, Any]
    """What is laid over the values of the deployment."""
    predicts: Mapping[str, Way]
    """Which metric is said to go which way, by the vocabulary's names."""


def attempts(text: str, scenario: Exercise, start: Sequence[Any], parameters: Parameters) -> list[Attempt]:
    """Every change of a text that can be tried, as one attempt each; what rejects a change proposes none.

    Args:
        start: the objects as they were when the exercise had been started.
    """
    own = own_words(cuts.once(text), scenario, parameters)
    reading = Reading(own, (), rubric(scenario), flags(start))
    predicted = {m.metric: m.way for s in reading.checking for m in reading.moves_of(s)}
    found: dict[str, Attempt] = {}
    for proposal, values in _values(reading.proposals):
        found.setdefault(proposal.thing, Attempt(proposal.sentence.text.strip(), values, predicted))
    return list(found.values())


def _values(proposals: Sequence[Proposal]) -> Iterator[tuple[Proposal, Mapping[str, Any]]]:
    for proposal in proposals:
        flag = changes()[proposal.thing].flag
        if flag is not None and proposal.value is not None:
            yield proposal, {"server": {"flags": {flag: int(proposal.value)}}}
        elif proposal.id == "more-replicas":
            said = _NUMBER.search(proposal.sentence.folded)
            number = int(said[1] or said[2]) if said else int(proposal.value or _REPLICAS)
            yield proposal, {"server": {"replicas": number}}
