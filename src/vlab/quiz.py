"""The quiz: every file under quiz/ is a topic of it, for the terminal and for the site."""

import hashlib
import random
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import pydantic
import yaml

from vlab import paths
from vlab.errors import LabError

LETTERS = "abcdef"
"""What options are called, in the order in which they are shown."""
_DIGITS = re.compile(r"^\d+-")


class Option(pydantic.BaseModel, frozen=True, extra="forbid"):
    """One answer to choose. Texts here and below are Markdown."""

    text: str
    right: bool = False
    why: str
    """Why it is right, or why it tempts and is not."""


class _Item(pydantic.BaseModel, frozen=True, extra="forbid"):
    id: str = pydantic.Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    stem: str
    """The situation, and what is asked about it."""
    scenario: str | None = None
    """The one that shows it."""
    task: int | None = pydantic.Field(None, ge=1, le=6)
    """The task of the course that shows it."""

    @pydantic.model_validator(mode="after")
    def _is_shown_somewhere(self) -> "_Item":
        if (self.scenario is None) == (self.task is None):
            raise ValueError("name the scenario that shows it, or else the task")
        return self


class Choice(_Item, frozen=True, extra="forbid"):
    """An item with options, of which one or more are right."""

    kind: Literal["choice"]
    options: tuple[Option, ...] = pydantic.Field(min_length=3, max_length=len(LETTERS))

    @pydantic.model_validator(mode="after")
    def _can_be_answered(self) -> "Choice":
        if not 0 < len(self.right) < len(self.options):
            raise ValueError("some options must be right and some must not")
        if len({o.text for o in self.options}) < len(self.options):
            raise ValueError("two options are the same")
        return self

    @property
    def right(self) -> frozenset[Option]:
        """Those to choose, all of them and no other."""
        return frozenset(o for o in self.options if o.right)

    def shown(self, seed: str) -> dict[str, Option]:
        """The options by letter, in an order that depends on the seed (a learner's name) and on the item."""
        order = list(self.options)
        digest = hashlib.sha256(f"{self.id}\0{seed}".encode()).digest()
        random.Random(digest).shuffle(order)  # noqa: S311 - no secret
        return dict(zip(LETTERS, order, strict=False))

    def chosen(self, line: str, shown: dict[str, Option]) -> frozenset[str]:
        """The letters that a line names: "b", "ac", "a, c".

        Raises:
            ValueError: it names none, or one that is not shown, or several where one option is right.
        """
        letters = frozenset(re.sub(r"[\s,;.)]+", "", line.lower()))
        if not letters or not letters <= shown.keys():
            raise ValueError(f"there are the letters {', '.join(shown)}")
        if len(letters) > 1 and len(self.right) == 1:
            raise ValueError("one option is right: name one letter")
        return letters


class Explain(_Item, frozen=True, extra="forbid"):
    """An item that is answered in writing; a model answer is shown to who has written one."""

    kind: Literal["explain"]
    answer: str
    """The model answer; `{{name}}` in it is a figure of the recorded run."""
    recorded: str | None = None
    """A phase of the scenario's recorded runs: its figures are shown, and the answer is judged against it."""

    @pydantic.model_validator(mode="after")
    def _is_recorded_of_a_scenario(self) -> "Explain":
        if self.recorded is not None and self.scenario is None:
            raise ValueError("a recorded run is one of a scenario: name it")
        return self


Item = Choice | Explain


class Topic(pydantic.BaseModel, frozen=True, extra="forbid"):
    """One file: its name without the number in front is the topic's id."""

    id: str
    title: str
    items: tuple[Annotated[Item, pydantic.Field(discriminator="kind")], ...] = pydantic.Field(min_length=1)


@cache
def topics() -> dict[str, Topic]:
    """All topics by id, in the order of their files' numbers.

    Raises:
        LabError: a file is wrong, or two items have the same id.
    """
    found = [read(file) for file in sorted(paths.data("quiz").glob("*.yaml"))]
    ids = [item.id for topic in found for item in topic.items]
    if twice := sorted({i for i in ids if ids.count(i) > 1}):
        raise LabError(f"two items of the quiz are called {twice[0]}", "give each an id of its own")
    return {topic.id: topic for topic in found}


def topic(identifier: str) -> Topic:
    """The topic of this id.

    Raises:
        LabError: there is none.
    """
    known = topics()
    if identifier not in known:
        raise LabError(f"the quiz has no topic {identifier!r}", f"there are: {', '.join(known)}")
    return known[identifier]


def read(file: Path) -> Topic:
    """The topic that a file holds.

    Raises:
        LabError: it is not YAML, or not a topic.
    """
    try:
        return Topic.model_validate({"id": _DIGITS.sub("", file.stem), **yaml.safe_load(file.read_text())})
    except (yaml.YAMLError, TypeError) as e:
        raise LabError(f"{file} is no topic of the quiz: {' '.join(str(e).split())}", "mend the file") from e
    except pydantic.ValidationError as e:
        first = e.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise LabError(f"{file}: {where}: {first['msg']}", "mend the file") from e
