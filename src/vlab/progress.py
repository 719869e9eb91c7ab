"""How far a learner is: exercises and the quiz, told from the journal alone."""

from collections.abc import Iterable, Sequence
from typing import Literal

import pydantic

from vlab.catalog import Exercise
from vlab.journal import Answered, Event, Explained, Graded, Hint, Solution
from vlab.quiz import Item, Topic


class ExerciseProgress(pydantic.BaseModel, frozen=True):
    """One exercise."""

    id: str
    title: str
    task: int
    kind: str
    state: Literal["open", "begun", "done"]
    """Done once every check passed in one grading."""
    best_percent: float | None
    """Of all gradings in which something could be told."""
    gradings: int
    hints: int
    """So many were seen, at most, in one run."""
    solution: Literal["", "before", "after"]
    """Whether the reference solution was applied, and if so before the first pass or only then."""
    minutes: float | None
    """From the start of the run that passed first to the grading that said so."""


class TopicProgress(pydantic.BaseModel, frozen=True):
    """One topic of the quiz."""

    id: str
    title: str
    right: int
    wrong: int
    """As they were answered last."""
    written: int
    """Answers that nobody judged."""
    left: int
    """Items not answered yet."""


class Progress(pydantic.BaseModel, frozen=True):
    """All of it."""

    learner: str
    exercises: tuple[ExerciseProgress, ...]
    quiz: tuple[TopicProgress, ...]
    unreadable_lines: tuple[int, ...] = ()
    """Of the journal: damaged, and left out here."""


def exercise_progress(exercise: Exercise, events: Iterable[Event]) -> ExerciseProgress:
    """How far one exercise is."""
    own = [e for e in events if not isinstance(e, Answered | Explained) and e.scenario == exercise.id]
    gradings = [e for e in own if isinstance(e, Graded)]
    first = min((e for e in gradings if e.passed), key=lambda e: e.at, default=None)
    shown = min((e.at for e in own if isinstance(e, Solution)), default=None)
    solution: Literal["", "before", "after"] = ""
    if shown is not None:
        solution = "before" if first is None or shown <= first.at else "after"
    return ExerciseProgress(
        id=exercise.id,
        title=exercise.title,
        task=exercise.task,
        kind=exercise.kind,
        state="done" if first else "begun" if own else "open",
        best_percent=max((e.percent for e in gradings if e.percent is not None), default=None),
        gradings=len(gradings),
        hints=max((e.number for e in own if isinstance(e, Hint)), default=0),
        solution=solution,
        minutes=None if first is None else round((first.at - first.started).total_seconds() / 60, 1),
    )


def answers(events: Iterable[Event]) -> dict[str, bool | None]:
    """The last answer to each item of the quiz: whether it was right, or None if that cannot be judged."""
    return {event.item: event.right for event in events if isinstance(event, Answered | Explained)}


def waiting(items: Sequence[Item], events: Iterable[Event]) -> list[Item]:
    """The items to be asked now: those not answered yet; if there are none, those that were answered wrongly."""
    known = answers(events)
    return [i for i in items if i.id not in known] or [i for i in items if known.get(i.id) is False]


def topic_progress(topic: Topic, events: Iterable[Event]) -> TopicProgress:
    """How far one topic of the quiz is."""
    known = answers(events)
    last = [known.get(item.id, "left") for item in topic.items]
    return TopicProgress(
        id=topic.id,
        title=topic.title,
        right=last.count(True),
        wrong=last.count(False),
        written=last.count(None),
        left=last.count("left"),
    )
