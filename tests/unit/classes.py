"""Makes a class of recorded runs: evidence sealed by this machine's key, and its reports."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from vlab import catalog, paths
from vlab.classroom import roster, store
from vlab.classroom.model import Class, Learner
from vlab.evidence import Evidence, files, seal
from vlab.grading import grade_exercise
from vlab.model import Report
from vlab.runs import Run

CREATED = datetime(2026, 11, 1, 8, tzinfo=UTC)
STARTED = CREATED + timedelta(hours=1)
THREE = "Student,ID,SIS User ID,SIS Login ID,Section\nAna López,1,S1,ana,A\nBo,2,S2,bo,A\nCy,3,S3,cy,B\n"


@dataclass(frozen=True)
class Room:
    """A class, and what is put into its learners' folders."""

    of: Class

    def learner(self, number: int = 0) -> Learner:
        return self.of.learners[number]

    def folder(self, learner: Learner, exercise: str) -> Path:
        return paths.labs() / self.of.lab / "runs" / learner.slug / exercise

    def start(self, learner: Learner, exercise: str = "shm-missing", **known: Any) -> Run:
        """A run that began an hour after the class was made."""
        given: dict[str, Any] = {
            "lab": self.of.lab,
            "cluster_uid": "cluster-1",
            "namespace_uid": f"ns-{learner.slug}",
            "scenario": exercise,
            "learner": learner.slug,
            "namespace": self.of.namespace(learner),
            "parameters": {},
            "started": STARTED,
            "challenge": f"{learner.slug}:{exercise}",
        }
        run = Run(**{**given, **known})
        run.save()
        return run

    def grade(
        self,
        learner: Learner,
        phase: str = "solved",
        exercise: str = "shm-missing",
        *,
        minutes: float = 30.0,
        answers: dict[str, str] | None = None,
        signed: bool = True,
        run: Run | None = None,
        report: Report | None = None,
        **header: Any,
    ) -> Path:
        """A grading of a recorded run, as if it had been this learner's so many minutes after the start."""
        run = run or self.start(learner, exercise)
        at = STARTED + timedelta(minutes=minutes)
        folder = run.folder / "gradings" / f"{at:%Y%m%dT%H%M%S%fZ}"
        put(folder / "evidence", run, phase, at, answers or {}, signed=signed, **header)
        found = report or grade_exercise(Evidence(folder / "evidence"), catalog.exercise(exercise))
        (folder / "report.json").write_text(found.model_dump_json(indent=2))
        return folder


def put(
    folder: Path, run: Run, phase: str, at: datetime, answers: dict[str, str], *, signed: bool, **known: Any
) -> None:
    """Recorded evidence, made this run's, and sealed."""
    recorded = dict(files.read(catalog.exercise(run.scenario).recorded[phase]).files)
    header = json.loads(recorded[files.HEADER]) | {
        "learner": run.learner,
        "namespace_uid": run.namespace_uid,
        "challenge": run.challenge,
        "started": at.isoformat(),
        "finished": None,
    }
    header["cluster"] = {**header["cluster"], "uid": run.cluster_uid}
    recorded[files.HEADER] = json.dumps(header | known).encode()
    recorded |= {f"answers/{name}": text.encode() for name, text in answers.items()}
    for name, raw in recorded.items():
        if name not in (files.MANIFEST, files.SIGNATURE):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(raw)
    seal.close(folder, seal.own_key() if signed else None)


def made(text: str = THREE, **known: Any) -> Room:
    """A class of a roster's text, kept."""
    given: dict[str, Any] = {
        "name": "serving",
        "uid": "class-1",
        "lab": "vlab",
        "lab_instance": "i",
        "created": CREATED,
        "learners": roster.learners(text),
    }
    room = Room(Class(**{**given, **known}))
    store.save(room.of)
    return room


def attempts(room: Room) -> list[Any]:
    """Its gradings, as they are read."""
    from vlab.classroom import results

    return results.attempts(room.of)
