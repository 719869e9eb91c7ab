"""The building blocks that rubrics are made of: words, metrics, pressures and changes, as patterns over folded text."""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pydantic
import yaml

_FOLDER = Path(__file__).parent / "vocabulary"
_GAP = r"[^.;!?\n]{0,50}?"
"""What `~` stands for: a few words of the same sentence."""


class Metric(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What can be counted or seen: its names, where better is, and what a number of it is in."""

    better: str
    numbers: tuple[str, ...] = ()
    called: tuple[str, ...]


class Shown(pydantic.BaseModel, frozen=True, extra="forbid"):
    """A figure of the run that a signal needs."""

    metric: str
    statistic: str
    of: str = ""
    least: float
    most: float = float("inf")


class Signal(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What may be seen of an incident: a metric in a state, or what its own words tell."""

    shown: Shown
    metric: str | None = None
    state: Literal["high", "any"] = "any"
    phrases: tuple[str, ...] = pydantic.Field(default=(), alias="is")
    negative: bool = False
    """Whether its own words deny something: a `not` before them is one of them."""
    unless: str | None = pydantic.Field(default=None, alias="not")
    """What must not stand in the same sentence."""


class Pressure(pydantic.BaseModel, frozen=True, extra="forbid"):
    """Where a bottleneck may be."""

    called: tuple[str, ...]


class Change(pydantic.BaseModel, frozen=True, extra="forbid"):
    """A thing that is turned one way or another (`called`), or a step that is told by its own words (`is`)."""

    steps: tuple[str, ...] = pydantic.Field(default=(), alias="is")
    called: tuple[str, ...] = ()
    id: str | None = None
    """Another change that it is the same as."""
    up: str | None = None
    down: str | None = None
    on: str | None = None
    off: str | None = None
    """The change that each way is; where there is none, it is not a change."""
    flag: str | None = None
    """The engine's flag of this name has the value from which up and down are told."""
    small: float | None = None
    """A value of at most this is down, where no word and no flag tells."""
    otherwise: Literal["up", "down"] | None = None
    """The way that is meant where nothing tells."""
    group: str = ""
    """Changes of one group are parts of one change."""
    named: bool = False
    """Whether whoever proposes it has named a setting or a resource by it."""


def fold(text: str) -> str:
    """Lower case without accents, with plain quotes and dashes; as long as the text, so that places stay the same."""
    return "".join(map(_folded, text))


@cache
def _folded(character: str) -> str:
    plain = _PLAIN.get(character)
    if plain is None:
        plain = unicodedata.normalize("NFKD", character.lower())[:1]
    return plain if len(plain) == 1 else character


_PLAIN = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4`", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb\u2033", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    **dict.fromkeys("\u2192\u21d2\u279c\u2794\u27f6\u25b6", ">"),
    **dict.fromkeys("\u00a0\u2007\u2009\u202f\t*\u00b7", " "),
    "\u00df": "s",
    "\u00d7": "x",
}


def read_list(name: str) -> Any:
    """What is in a file of the vocabulary that is no pattern."""
    return _read(name)


@cache
def _read(name: str) -> Any:
    return yaml.safe_load((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


@cache
def words() -> Mapping[str, str]:
    """Each class of words as one alternative of a pattern."""
    return {name: _alternatives(text) for name, text in _read("words").items()}


def _alternatives(text: str) -> str:
    parts = (re.escape(word).replace(r"\*", r"\w*").replace(r"\|", r"\s+") for word in text.split())
    return "|".join(sorted(set(parts), key=len, reverse=True))


@cache
def pattern(text: str, *, compound: bool = False) -> re.Pattern[str]:
    """A pattern of this vocabulary: `<up>` for a class of words, `~` for a few words, whole words unless it says so."""
    inside = re.sub(r"<([a-z]+)>", lambda m: f"(?:{words()[m[1]]})", text.replace("~", _GAP))
    begin = r"(?<!\w)" if compound else r"(?<!\w)(?<!\w-)"
    return re.compile(rf"{begin}(?:{inside})(?![a-z])", re.DOTALL)


def any_of(texts: tuple[str, ...]) -> re.Pattern[str]:
    """Any of several patterns, as the end of a compound too: Chat-TTFT."""
    return pattern("|".join(texts), compound=True)


@cache
def word(name: str) -> re.Pattern[str]:
    """A class of words."""
    return pattern(f"<{name}>")


@cache
def metrics() -> Mapping[str, Metric]:
    """Every metric by its name."""
    return {name: Metric.model_validate(each) for name, each in _read("metrics").items()}


@cache
def pressures() -> Mapping[str, Pressure]:
    """Every pressure by its name."""
    return {name: Pressure.model_validate(each) for name, each in _read("pressures").items()}


@cache
def signals() -> Mapping[str, Signal]:
    """Every signal by its name."""
    return {name: Signal.model_validate(each) for name, each in _read("signals").items()}


@cache
def checks() -> Mapping[str, re.Pattern[str]]:
    """How a change is checked, by the name of the sign or the load."""
    return {name: any_of(tuple(texts)) for name, texts in _read("checks").items()}


@cache
def changes() -> Mapping[str, Change]:
    """Every change by its name."""
    return {name: Change.model_validate(each) for name, each in _read("changes").items()}


class Cue(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What tells how a thing is meant."""

    before: str = ""
    alternatives: tuple[str, ...] = pydantic.Field(alias="any")
    after: str = ""


@cache
def _cues() -> Mapping[str, Cue]:
    return {name: Cue.model_validate(each) for name, each in _read("cues").items()}


@cache
def cue(name: str) -> re.Pattern[str]:
    """A cue of cues.yaml."""
    found = _cues()[name]
    return re.compile(f"{found.before}(?:{'|'.join(found.alternatives)}){found.after}")


@cache
def terms(name: str) -> Mapping[str, re.Pattern[str]]:
    """Whole words of terms.yaml that tell one of several things apart."""
    return {term: re.compile(rf"(?<![\w-])(?:{'|'.join(texts)})(?!\w)") for term, texts in _read("terms")[name].items()}


@cache
def layers() -> Mapping[str, re.Pattern[str]]:
    """Every layer that may fail, by its name in the closed list."""
    return {name: any_of(tuple(texts)) for name, texts in _read("layers").items()}


@cache
def part_names() -> Mapping[str, re.Pattern[str]]:
    """What each of the four parts is called, as a whole heading."""
    return {part: re.compile(rf"(?:{'|'.join(names)})") for part, names in _read("parts").items()}
