"""What is known of a class at one moment, what news make of it, and what the wall is told of that. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from vlab.classroom.model import Class
from vlab.model import Report, Verdict
from vlab.report import words

View = dict[str, Any]
"""What a page shows, as JSON without null: what is not known is not there."""


@dataclass(frozen=True)
class Check:
    """A check's verdict."""

    id: str
    title: str
    verdict: Verdict
    points: int = 0


@dataclass(frozen=True)
class Seen:
    """What was seen of a learner's exercise at one moment."""

    learner: str
    """The slug."""
    exercise: str
    at: datetime
    """Of a start: when it was started."""
    source: Literal["start", "grading", "look"]
    title: str = ""
    """Of the exercise, where it is known."""
    checks: tuple[Check, ...] = ()
    percent: float | None = None
    moving: str = ""
    """What still moves, so that nothing can be told yet; of a look."""
    hints: int = 0
    """So many were shown; of a start."""

    @property
    def passes(self) -> frozenset[str]:
        """The checks that pass."""
        return frozenset(c.id for c in self.checks if c.verdict is Verdict.PASS)

    @property
    def solved(self) -> bool:
        """Whether every check passes, at once."""
        return bool(self.checks) and len(self.passes) == len(self.checks)


@dataclass(frozen=True)
class Part:
    """Of one kind of room: what pods ask for, and what nodes give."""

    asked: float = 0
    there: float = 0

    @property
    def free(self) -> float:
        """What nobody asks for; never less than nothing."""
        return max(0, self.there - self.asked)


@dataclass(frozen=True)
class Room:
    """What is left in the cluster."""

    gpus: Part = Part()
    cpu: Part = Part()
    """Cores."""
    memory: Part = Part()
    """Bytes."""
    waiting: int = 0
    """Pods that no node takes yet."""


@dataclass(frozen=True)
class Trouble:
    """Why a source has no news; over when it says nothing."""

    source: str
    """Which: "disk", "cluster"."""
    words: str = ""


News = Seen | Room | Trouble


@dataclass(frozen=True)
class Row:
    """A learner's exercise since it was started."""

    learner: str
    exercise: str
    title: str = ""
    started: datetime | None = None
    told: datetime | None = None
    """When its checks were last told."""
    graded: datetime | None = None
    progress: datetime | None = None
    """When a check passed for the first time, or it was started."""
    checks: tuple[Check, ...] = ()
    """As they were last told: one that could not be told is as it was before."""
    passed: frozenset[str] = frozenset()
    """Every check that has passed, whatever it does now."""
    percent: float | None = None
    """The most so far."""
    solved: bool = False
    """Whether every check has passed at once."""
    moving: str = ""
    hints: int = 0

    @property
    def active(self) -> datetime:
        """When its learner last did something with it that can be told."""
        return max(filter(None, (self.started, self.progress, self.graded)))

    @property
    def asked(self) -> bool:
        """Whether its learner has asked for a hint or a grading."""
        return self.hints > 0 or self.graded is not None

    @property
    def earlier(self) -> tuple[str, ...]:
        """The checks that passed before and do not now."""
        return tuple(c.id for c in self.checks if c.id in self.passed and c.verdict is not Verdict.PASS)

    @property
    def best(self) -> int:
        """So many of its checks have passed."""
        return sum(c.id in self.passed for c in self.checks)


@dataclass(frozen=True)
class BoardState:
    """One moment of a class."""

    rows: Mapping[tuple[str, str], Row] = field(default_factory=dict)
    """By learner and exercise."""
    room: Room | None = None
    troubles: Mapping[str, str] = field(default_factory=dict)

    @property
    def current(self) -> dict[str, Row]:
        """By learner the exercise in progress: the one with which something was done last."""
        found: dict[str, Row] = {}
        for row in self.rows.values():
            if row.learner not in found or row.active > found[row.learner].active:
                found[row.learner] = row
        return found


def of_report(learner: str, report: Report) -> Seen:
    """What a grading says."""
    checks = tuple(Check(c.id, c.title, c.verdict, c.points) for c in report.checks)
    return Seen(learner, report.scenario, report.recorded, "grading", report.title, checks, report.percent)


def with_news(state: BoardState, news: News) -> BoardState:
    """The state after news of any kind."""
    if isinstance(news, Seen):
        return with_seen(state, news)
    if isinstance(news, Room):
        return with_room(state, news)
    return replace(state, troubles={**state.troubles, news.source: news.words})


def with_room(state: BoardState, room: Room) -> BoardState:
    """The state with another room."""
    return replace(state, room=room)


def with_seen(state: BoardState, seen: Seen) -> BoardState:
    """The state after something was seen. A pass that counted stays one until the exercise is started anew."""
    place = (seen.learner, seen.exercise)
    row = state.rows.get(place) or Row(seen.learner, seen.exercise)
    new = _begun(row, seen) if seen.source == "start" else _told(row, seen)
    if new is row:
        return state
    return replace(state, rows={**state.rows, place: replace(new, title=seen.title or row.title)})


def _begun(row: Row, seen: Seen) -> Row:
    if row.started is not None and seen.at < row.started:
        return row
    if seen.at == row.started:
        return row if seen.hints == row.hints else replace(row, hints=seen.hints)
    if row.started is None and row.told is not None and row.told >= seen.at:
        return replace(row, started=seen.at, hints=seen.hints)  # its start is told late
    return Row(row.learner, row.exercise, started=seen.at, progress=seen.at, hints=seen.hints)


def _told(row: Row, seen: Seen) -> Row:
    if row.started is not None and seen.at < row.started:
        return row  # of a run before this one
    newest = row.told is None or seen.at >= row.told
    progress = row.progress
    if progress is None or (seen.passes - row.passed and seen.at > progress):
        progress = seen.at
    graded = row.graded
    if seen.source == "grading" and (graded is None or seen.at > graded):
        graded = seen.at
    return replace(
        row,
        told=seen.at if newest and seen.checks else row.told,
        graded=graded,
        progress=progress,
        checks=_merged(row.checks, seen.checks) if newest and seen.checks else row.checks,
        passed=row.passed | seen.passes,
        percent=max((p for p in (row.percent, seen.percent) if p is not None), default=None),
        solved=row.solved or seen.solved,
        moving=seen.moving if newest else row.moving,
    )


def _merged(old: Iterable[Check], new: Iterable[Check]) -> tuple[Check, ...]:
    """The new ones; what could not be told keeps what was told last."""
    before = {c.id: c.verdict for c in old}
    return tuple(replace(c, verdict=before.get(c.id, c.verdict)) if c.verdict is Verdict.ERROR else c for c in new)


def stuck(row: Row, now: datetime, minutes: float) -> int | None:
    """For how many minutes nothing new has passed, if that is so many at least and not all has passed."""
    if row.solved or row.progress is None:
        return None
    since = (now - row.progress).total_seconds() / 60
    return int(since) if since >= minutes else None


@dataclass(frozen=True)
class Wall:
    """Whose board it is, and how much a page may be told."""

    of: Class
    stuck_after: float = 10.0
    """Minutes."""
    numbers: Mapping[str, int] | None = None
    """By slug what is shown in the place of names; None: names are shown."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """Of exercises, until a grading says its own."""


def view(state: BoardState, wall: Wall, now: datetime) -> View:
    """What pages are told now. Without names, no text in it comes from a learner, a roster or a cluster; in an exam
    nothing in it says how well anybody does."""
    current = state.current
    rows = {}
    for place, learner in enumerate(wall.of.learners, 1):
        number = place if wall.numbers is None else wall.numbers[learner.slug]
        hidden = wall.numbers is not None
        named = {"label": f"Learner {number}"} if hidden else {"label": learner.name, "slug": learner.slug}
        rows[str(number)] = {"number": number, **named, **_row(current.get(learner.slug), wall, now)}
    shown = {
        "class": wall.of.name,
        "exam": wall.of.is_exam,
        "hidden": wall.numbers is not None,
        "stuck_after": wall.stuck_after,
        "verdicts": {v.value: {"mark": mark, "word": word} for v, (mark, word) in words.MARKS.items()},
        "exercises": _exercises(current.values(), wall),
        "rows": dict(sorted(rows.items(), key=lambda each: int(each[0]))),
        "troubles": {
            source: said if wall.numbers is None else "no news at present; the terminal says why"
            for source, said in state.troubles.items()
            if said
        },
    }
    return shown if state.room is None else {**shown, "room": _room(state.room)}


def _row(row: Row | None, wall: Wall, now: datetime) -> View:
    if row is None:
        return {"state": "not started"}
    at_work: View = {"state": "at work", "exercise": row.exercise}
    if wall.of.is_exam:  # nor when a check passed
        return {**at_work, "active": _seconds(row.graded or row.started or row.active)}
    shown: View = {
        **at_work,
        "active": _seconds(row.active),
        "passed": row.best,
        "of": len(row.checks),
        "checks": {c.id: c.verdict.value for c in row.checks},
        "earlier": list(row.earlier),
    }
    if row.told is not None:
        shown["told"] = _seconds(row.told)
    if row.percent is not None:
        shown["percent"] = row.percent
    if row.moving:
        shown["moving"] = row.moving if wall.numbers is None else "something is still moving"
    if row.solved:
        return {**shown, "state": "solved"}
    minutes = stuck(row, now, wall.stuck_after)
    if minutes is None:
        return shown
    return {**shown, "state": "stuck", "stuck": minutes, "asked": row.asked}


def _exercises(rows: Iterable[Row], wall: Wall) -> View:
    found: View = {}
    for row in sorted(rows, key=lambda r: (r.exercise, r.learner)):
        title = row.title or wall.titles.get(row.exercise) or row.exercise
        each = found.setdefault(row.exercise, {"title": title, "checks": {}})
        if not wall.of.is_exam:
            each["checks"].update({c.id: {"title": c.title, "points": c.points} for c in row.checks})
    return found


def _room(room: Room) -> View:
    def gib(amount: float) -> str:
        return f"{amount / (1 << 30):.1f}"

    pods = "1 pod waits" if room.waiting == 1 else f"{room.waiting} pods wait"
    return {
        "gpus": _part(room.gpus, f"{room.gpus.free:g} of {room.gpus.there:g} GPUs free"),
        "cpu": _part(room.cpu, f"{room.cpu.free:.1f} of {room.cpu.there:.1f} CPUs free"),
        "memory": _part(room.memory, f"{gib(room.memory.free)} of {gib(room.memory.there)} GiB of memory free"),
        "waiting": {"count": room.waiting, "words": f"{pods} for room" if room.waiting else "no pod waits for room"},
    }


def _part(part: Part, said: str) -> View:
    return {"free": part.free, "there": part.there, "words": said}


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def changes(old: View, new: View) -> View:
    """What makes the new one of the old one, as a JSON Merge Patch (RFC 7396); empty if nothing has changed."""
    patch: View = {key: None for key in old if key not in new}
    for key, value in new.items():
        there = old.get(key)
        if isinstance(there, dict) and isinstance(value, dict):
            if inner := changes(there, value):
                patch[key] = inner
        elif key not in old or there != value:
            patch[key] = value
    return patch
