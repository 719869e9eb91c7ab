"""Judges one written answer: cut what is not the learner's own, read the rest, ask each criterion."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from vlab.catalog import Exercise, Parameters
from vlab.evidence import Evidence, Object
from vlab.load.summary import known
from vlab.rubric import cuts, language
from vlab.rubric.criteria import CRITERIA, Ask
from vlab.rubric.diagnosis import DIAGNOSIS
from vlab.rubric.figures import table
from vlab.rubric.model import rubric
from vlab.rubric.reading import Reading
from vlab.rubric.text import Sentence, read
from vlab.rubric.verdict import Criterion, Outcome

LONGEST = 16_000
"""Characters of a text once what is repeated is counted once; a recommendation has about a thousand."""


@dataclass(frozen=True)
class Judged:
    """What came of a text."""

    criteria: tuple[Criterion, ...]

    @property
    def passes(self) -> bool:
        """Whether every criterion that applies passed; what is unsure did not."""
        return all(c.verdict in ("pass", None) for c in self.criteria)


def check(text: str, scenario: Exercise, evidence: Evidence) -> Judged:
    """A recommendation, judged against the run that it is about.

    Raises:
        LabError: the scenario has no rubric.
    """
    return _judge(text, scenario, evidence, CRITERIA)


def diagnose(text: str, scenario: Exercise, evidence: Evidence) -> Judged:
    """A diagnosis, judged against the run that it is about: the layer, what shows it, what was ruled out.

    Raises:
        LabError: the scenario has no rubric.
    """
    return _judge(text, scenario, evidence, DIAGNOSIS)


def _judge(text: str, scenario: Exercise, evidence: Evidence, asked: Sequence[Ask]) -> Judged:
    wanted = rubric(scenario)
    text = cuts.once(text)
    if not text.strip():
        return _all(asked, "fail", "nothing is written: say what you saw, and what it means")
    if len(text) > LONGEST:
        return _all(asked, "fail", f"longer than {LONGEST:,} characters: what is asked for fits on a page")
    sentences = own_words(text, scenario, evidence.header.parameters)
    foreign = language.foreign(sentences)
    if foreign:
        return _all(asked, "unsure", f"this reads like {foreign}: English, German and Spanish are judged here")
    reading = Reading(sentences, table(evidence), wanted, flags(known(lambda: evidence.start) or []))
    return Judged(tuple(ask(reading) for ask in asked))


def _all(asked: Sequence[Ask], verdict: Outcome, help_: str) -> Judged:
    return Judged(tuple(Criterion(each.__name__, verdict, "", help_) for each in asked))


def own_words(text: str, scenario: Exercise, parameters: Parameters) -> list[Sentence]:
    """The sentences that do not repeat what the learner was given to read: that earns nothing."""
    return cuts.own(read(text), "\n\n".join([scenario.brief(parameters), *scenario.hints(parameters)]))


_FLAG = re.compile(r"--([a-z][a-z-]+)(?:[= ](\d+(?:\.\d+)?))?$")


def flags(start: Iterable[Object]) -> dict[str, float]:
    """The engine's numeric flags when the exercise had been started."""
    found: dict[str, float] = {}
    for pod in (o for o in start if o["kind"] == "Pod"):
        for container in pod["spec"]["containers"]:
            words = [*container.get("command", ()), *container.get("args", ())]
            for word, following in pairwise([*words, ""]):
                match = _FLAG.fullmatch(str(word))
                value = match and (match[2] or (following if re.fullmatch(r"\d+(?:\.\d+)?", str(following)) else None))
                if match and value:
                    found[match[1]] = float(value)
    return found
