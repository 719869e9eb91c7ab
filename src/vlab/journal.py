"""What a learner did, a line for each: apart from runs, which end with `start --replace` and `down --purge`."""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import pydantic

from vlab import paths, ui
from vlab.errors import Exit, LabError


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


class _Event(pydantic.BaseModel, frozen=True):
    at: pydantic.AwareDatetime = pydantic.Field(default_factory=_now)


class Started(_Event, frozen=True):
    """A scenario was started; `at` is when its run began."""

    event: Literal["started"] = "started"
    scenario: str


class Hint(_Event, frozen=True):
    """So many of a scenario's hints had been shown."""

    event: Literal["hint"] = "hint"
    scenario: str
    number: int


class Solution(_Event, frozen=True):
    """The reference solution was applied and explained."""

    event: Literal["solution"] = "solution"
    scenario: str


class Graded(_Event, frozen=True):
    """A grading of what was deployed."""

    event: Literal["graded"] = "graded"
    scenario: str
    started: pydantic.AwareDatetime
    """When the run that was graded began."""
    passed: bool
    percent: float | None
    """None if nothing could be told."""


class Answered(_Event, frozen=True):
    """An item of the quiz was answered, by choice."""

    event: Literal["answered"] = "answered"
    item: str
    right: bool


class Explained(_Event, frozen=True):
    """An item of the quiz was answered in writing."""

    event: Literal["explained"] = "explained"
    item: str
    right: bool | None = None
    """Whether every criterion passed; None where it cannot be judged."""


Event = Started | Hint | Solution | Graded | Answered | Explained
_EVENT: pydantic.TypeAdapter[Event] = pydantic.TypeAdapter(Annotated[Event, pydantic.Field(discriminator="event")])


@dataclass(frozen=True)
class Journal:
    """All lines of a learner's journal that can be read."""

    file: Path
    events: tuple[Event, ...] = ()
    unreadable: tuple[int, ...] = ()
    """Numbers of the lines that cannot."""


def folder(learner: str) -> Path:
    """What is kept of a learner besides runs: the journal, and what was written for the quiz."""
    return paths.state() / "learners" / learner


def read(learner: str) -> Journal:
    """What a learner did; nothing if there is no journal. A line that is damaged is left out, and its number said.

    Raises:
        LabError: the file is there and cannot be opened.
    """
    file = folder(learner) / "journal.jsonl"
    try:
        lines = file.read_bytes().split(b"\n")
    except FileNotFoundError:
        return Journal(file)
    except OSError as e:
        raise LabError(
            f"{file} cannot be read: {e.strerror}",
            "let yourself read it, or move it away: then progress is counted from now on",
            Exit.MACHINE,
        ) from None
    events: list[Event] = []
    unreadable: list[int] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            events.append(_EVENT.validate_json(line))
        except pydantic.ValidationError:
            unreadable.append(number)
    return Journal(file, tuple(events), tuple(unreadable))


def known(learner: str) -> Journal:
    """As `read`; what is left out is told to the learner."""
    found = read(learner)
    if found.unreadable:
        numbers = ", ".join(map(str, found.unreadable[:5])) + (", ..." if len(found.unreadable) > 5 else "")
        ui.say(f"{found.file}: damaged and left out: line {numbers}; the rest counts", style="yellow")
    return found


def append(learner: str, event: Event) -> None:
    """Add a line and bring it to the disk. Where that cannot be, it is said, and nothing else fails for it."""
    file = folder(learner) / "journal.jsonl"
    line = json.dumps(event.model_dump(mode="json")).encode() + b"\n"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab+", buffering=0) as out:
            out.write(line if _ends_a_line(out.fileno()) else b"\n" + line)  # one write: others may append too
            os.fsync(out.fileno())
    except OSError as e:
        ui.say(f"not kept for `vlab progress`: {file} cannot be written: {e.strerror}", style="yellow")


def append_once(learner: str, event: Event) -> None:
    """As `append`, unless the same line is there already."""
    try:
        there = event in read(learner).events
    except LabError:
        there = False  # `append` says what is wrong with the file
    if not there:
        append(learner, event)


def _ends_a_line(descriptor: int) -> bool:
    """Whether the file is empty or its last line whole: one that was cut off must not spoil the next."""
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
