"""What is remembered about a started exercise: whose it is, on which cluster, in which namespace."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pydantic

from vlab import paths
from vlab.catalog import Exercise, Parameters
from vlab.cluster.lab import Lab
from vlab.errors import Exit, LabError
from vlab.locks import held, locked

Object = dict[str, Any]


class Begun(pydantic.BaseModel, frozen=True):
    """When a run began, and what tells its recordings from another's."""

    challenge: str
    started: datetime


class Run(pydantic.BaseModel, frozen=True):
    """A learner's run of an exercise."""

    lab: str
    instance: str = ""
    """Of the lab: a lab of the same name that is made anew has another. Runs of older vlabs have none."""
    cluster_uid: str = ""
    namespace_uid: str = ""
    scenario: str
    learner: str
    namespace: str
    parameters: Parameters
    started: datetime
    hints_seen: int = 0
    challenge: str = ""
    """Drawn at the start, and in every recording of the run: another run's recording has another."""
    earlier: tuple[Begun, ...] = ()
    """The learner's runs of it that were given up for this one; their gradings are kept in the same folder."""

    @property
    def begun(self) -> tuple[Begun, ...]:
        """All whose gradings its folder keeps."""
        return (*self.earlier, Begun(challenge=self.challenge, started=self.started))

    @property
    def folder(self) -> Path:
        """Its answers, evidence and reports."""
        return _folder(self.lab, self.scenario, self.learner)

    @property
    def answers(self) -> Path:
        """What the learner writes."""
        return self.folder / "answers"

    def offer(self, templates: Mapping[str, Path]) -> None:
        """Put templates of answers where they are to be filled in; what is there already stays.

        Raises:
            LabError: a file cannot be written.
        """
        try:
            self.answers.mkdir(parents=True, exist_ok=True)
            for name, template in templates.items():
                with suppress(FileExistsError), (self.answers / name).open("x") as file:
                    file.write(template.read_text())
        except OSError as e:
            raise LabError(f"cannot write {e.filename}: {e.strerror}", "see who may write there; start again") from e

    @property
    def start(self) -> Path:
        """The objects as they were when the exercise began, nodes included."""
        return self.folder / "start.json"

    @property
    def wanted(self) -> Path:
        """What was rendered for it: of the healthy and of the faulty deployment."""
        return self.folder / "wanted.json"

    @property
    def gradings(self) -> Path:
        """A folder for each grading, named by its time."""
        return self.folder / "gradings"

    def new_grading(self) -> Path:
        """A new folder for the report and the evidence of a grading that begins now."""
        folder = self.gradings / f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
        folder.mkdir(parents=True)
        return folder

    def save(self) -> None:
        """Write the record, whole or not at all."""
        write_whole(self.folder / "run.json", self.model_dump_json(indent=2))

    def saw_hints(self, number: int) -> None:
        """Remember that so many hints were shown."""
        self.model_copy(update={"hints_seen": max(number, self.hints_seen)}).save()


def write_whole(file: Path, text: str) -> None:
    """Write a file, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f"{file.name}.new")
    new.write_text(text)
    new.rename(file)


def read_objects(file: Path) -> Any:
    """What a run's start.json or wanted.json holds.

    Raises:
        LabError: it is not there or not whole.
    """
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError):
        raise LabError(
            f"{file} cannot be read, and without it this exercise cannot be judged or reset",
            "give it up and begin anew: `vlab start SCENARIO --replace`",
        ) from None


def on(lab: str) -> Path:
    """Where a lab's runs lie: a folder a learner, and in it one an exercise."""
    return paths.labs() / lab / "runs"


def _folder(lab: str, scenario: str, learner: str) -> Path:
    return on(lab) / learner / scenario


def find(lab: Lab, scenario: Exercise, learner: str) -> Run | None:
    """The learner's run on this lab, if it was started; one of a lab of the same name that is gone is none.

    Raises:
        LabError: its record cannot be read.
    """
    file = _folder(lab.name, scenario.id, learner) / "run.json"
    try:
        found = Run.model_validate_json(file.read_text())
    except FileNotFoundError:
        return None
    except (OSError, pydantic.ValidationError):
        raise LabError(
            f"{file} cannot be read by this vlab",
            f"move it away; then `vlab start {scenario.id} --replace` begins anew, and your answers stay",
        ) from None
    return found if found.instance == lab.instance else None


def load(lab: Lab, scenario: Exercise, learner: str) -> Run:
    """The learner's run.

    Raises:
        LabError: it was not started on this lab.
    """
    run = find(lab, scenario, learner)
    if run is None:
        raise LabError(
            f"{scenario.id} has not been started on lab {lab.name!r}",
            f"run `vlab start {scenario.id}` first",
            Exit.NO_LAB,
        )
    return run


def forget(lab: Lab, scenario: Exercise, learner: str) -> None:
    """Remove all that is kept of a run."""
    shutil.rmtree(_folder(lab.name, scenario.id, learner), ignore_errors=True)


def of(lab: Lab) -> list[Run]:
    """Every run on this lab that can be read, the newest first."""
    found = []
    for file in on(lab.name).glob("*/*/run.json"):
        try:
            run = Run.model_validate_json(file.read_text())
        except (OSError, pydantic.ValidationError):
            continue
        if run.instance == lab.instance:
            found.append(run)
    return sorted(found, key=lambda run: run.started, reverse=True)


@contextmanager
def at_work(run: Run, doing: str) -> Iterator[None]:
    """Hold the run: start, reset, solve and grade of one exercise do not interleave."""
    with locked(run.folder, f"{doing} {run.scenario}"):
        yield


def is_at_work(run: Run) -> bool:
    """Whether somebody holds the run now."""
    return held(run.folder)
