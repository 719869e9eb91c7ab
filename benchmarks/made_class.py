"""Makes a class of any size on this machine, at work on exercises: gradings are those of recorded runs. No cluster."""

from datetime import UTC, datetime, timedelta
from functools import cache

from vlab import catalog
from vlab.classroom import roster, store
from vlab.classroom.model import Class, Learner
from vlab.evidence import load
from vlab.grading import grade_exercise
from vlab.model import Report
from vlab.report import render
from vlab.runs import Run

_GIVEN = (
    "Ana",
    "Björn",
    "Chidi",
    "Dilnoza",
    "Elif",
    "Femi",
    "Giulia",
    "Hồng",
    "Ines",
    "Jörg",
    "Kateryna",
    "Lê",
    "Mina",
)
_FAMILY = (
    "López",
    "Øster",
    "Anagonye",
    "Karimova",
    "Çelik",
    "O'Brien",
    "Rossi-Bianchi",
    "Nguyễn",
    "Silva",
    "Groß",
    "李",
)


def made(count: int, name: str = "spring", *, exam: bool = False) -> Class:
    """A class of so many, kept in the state folder; it was made a day ago."""
    names = [f"{_GIVEN[i % len(_GIVEN)]} {_FAMILY[i % len(_FAMILY)]}" for i in range(count)]
    learners = roster.learners("\n".join(["id,name", *(f"s{2600 + i},{each}" for i, each in enumerate(names))]))
    now = datetime.now(UTC)
    ends = now + timedelta(hours=2) if exam else None
    day_ago = now - timedelta(days=1)
    of = Class(name=name, uid="u", lab="lab", lab_instance="1", created=day_ago, learners=learners, ends=ends)
    store.save(of)
    return of


@cache
def report(exercise: str, phase: str) -> Report:
    """What the recorded run of a phase is graded as."""
    found = catalog.exercise(exercise)
    return grade_exercise(load(found.recorded[phase]), found)


def begin(of: Class, learner: Learner, exercise: str, at: datetime, hints: int = 0) -> Run:
    """The record of a start."""
    run = _run(of, learner, exercise, at).model_copy(update={"hints_seen": hints})
    run.save()
    return run


def _run(of: Class, learner: Learner, exercise: str, at: datetime) -> Run:
    return Run(
        lab=of.lab,
        instance=of.lab_instance,
        scenario=exercise,
        learner=learner.slug,
        namespace=of.namespace(learner),
        parameters={},
        started=at.replace(microsecond=0),
    )


def record(of: Class, learner: Learner, exercise: str, phase: str, at: datetime) -> Report:
    """A grading, written as `vlab grade` does."""
    made_of = report(exercise, phase).model_copy(update={"learner": learner.slug, "recorded": at})
    folder = _run(of, learner, exercise, at).folder / "gradings" / f"{at:%Y%m%dT%H%M%S%fZ}"
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(render(made_of, None, "json"))
    return made_of


def at_work(of: Class) -> None:
    """An hour of a class: some have solved it, some are on their way, some are stuck, some have not begun."""
    scenarios = [each.id for each in catalog.scenarios().values() if {"faulty", "solved"} <= each.recorded.keys()]
    now = datetime.now(UTC)
    for i, learner in enumerate(of.learners):
        exercise = scenarios[i % len(scenarios)]
        wrong = [p for p in catalog.exercise(exercise).recorded if p.startswith("wrong-")]
        if i % 9 == 8:
            continue
        begin(of, learner, exercise, now - timedelta(minutes=60), hints=int(i % 4 == 1))
        if i % 7 != 3:
            record(of, learner, exercise, "faulty", now - timedelta(minutes=50))
        if i % 3 == 0:
            record(of, learner, exercise, wrong[i % len(wrong)], now - timedelta(minutes=2 + i % 30))
        if i % 5 == 0:
            record(of, learner, exercise, "solved", now - timedelta(minutes=1 + i % 3))
