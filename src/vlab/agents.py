"""Puts a program in a learner's place: the brief, kubectl and a namespace, nothing else; then grades what it did."""

import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pydantic

from vlab import judgement, paths, runs, sandbox, ui
from vlab.catalog import Exercise
from vlab.classroom.model import Class, Learner
from vlab.classroom.one import class_of_one
from vlab.cluster.kubectl import kubectl_path
from vlab.cluster.lab import Lab
from vlab.deployment import names
from vlab.evidence import read_answers

_TRANSCRIPT_BYTES = 32 << 20
_COST_BYTES = 1 << 16
COST = "cost.json"
"""What the program may leave in its folder: a JSON object with what it used, such as tokens and money."""


class Scored(pydantic.BaseModel, frozen=True):
    """What a program did with one exercise, and what came of it."""

    schema_version: int = 1
    agent: str
    exercise: str
    started: pydantic.AwareDatetime
    seconds: float
    exit_code: int | None
    """None if its time was up."""
    passed: bool
    percent: float | None
    """None if nothing could be told."""
    checks: dict[str, str]
    """Verdicts by check."""
    apart: dict[str, float | None] = {}
    """Percentages of what was written beside the mending."""
    cost: dict[str, Any] | None = None
    """As the program left it in cost.json."""
    grading: str
    """The folder with the report and its evidence."""


def folder(agent: str) -> Path:
    """What is kept of an agent."""
    return paths.state() / "agents" / agent


def kept(agent: str) -> list[Scored]:
    """Everything that an agent did, by exercise and time."""
    files = sorted(folder(agent).glob("*/*/result.json"))
    return [Scored.model_validate_json(file.read_bytes()) for file in files]


def attempt(
    lab: Lab,
    exercise: Exercise,
    agent: str,
    asked: str,
    steps: ui.Steps,
    *,
    minutes: float,
    env: Mapping[str, str],
    shown: Sequence[Path],
) -> Scored:
    """Let a program do an exercise, and score it as a learner.

    Args:
        asked: a command for sh, run in its folder, where brief.md and answers/ are.
        env: what it finds in its environment besides KUBECONFIG.
        shown: files and folders that it may read, where they are.

    Raises:
        LabError: the exercise cannot be done so, or could not be started or graded.
    """
    sandbox.program()
    started = datetime.now(UTC).replace(microsecond=0)
    place = folder(agent) / exercise.id / f"{started:%Y%m%dT%H%M%SZ}"
    room = place / "room"
    room.mkdir(parents=True)
    with class_of_one(lab, exercise, "agent", agent, steps) as (of, learner):
        run = runs.load(lab, exercise, learner.slug)
        _furnish(room, of, learner, exercise, run)
        with (
            steps.step(f"{agent} works on {exercise.id}") as line,
            (place / "transcript.jsonl").open("w") as transcript,
        ):
            ended = sandbox.run(
                room,
                ["sh", "-c", asked],
                env={"KUBECONFIG": f"{sandbox.HOME}/kubeconfig", **env},
                shown={"/usr/local/bin/kubectl": kubectl_path(), **{str(path): path for path in shown}},
                seconds=60 * minutes,
                heard=_Transcript(transcript, line.note),
            )
        _take_answers(room, run)
        report, grading = judgement.judge(run, lab, exercise, steps)
    scored = Scored(
        agent=agent,
        exercise=exercise.id,
        started=started,
        seconds=ended.seconds,
        exit_code=ended.exit_code,
        passed=report.passed,
        percent=report.percent,
        checks={c.id: c.verdict.value for c in report.checks},
        apart={each.title: each.percent for each in report.apart},
        cost=_cost(room / COST),
        grading=str(grading),
    )
    (room / "kubeconfig").unlink(missing_ok=True)
    runs.write_whole(place / "result.json", scored.model_dump_json(indent=2))
    return scored


def _furnish(room: Path, of: Class, learner: Learner, exercise: Exercise, run: runs.Run) -> None:
    shutil.copyfile(of.kubeconfig(learner), room / "kubeconfig")
    (room / "brief.md").write_text(exercise.brief(names(run)))
    shutil.copytree(run.answers, room / "answers", dirs_exist_ok=True)


def _take_answers(room: Path, run: runs.Run) -> None:
    """What it wrote goes where a learner's answers are; as graders take them: regular files of known names."""
    answers, refused = read_answers(room / "answers")
    for name, text in answers.items():
        runs.write_whole(run.answers / name, text)
    for name, why in refused.items():
        ui.say(f"answers/{name} is not taken: {why}", style="yellow")


def _cost(file: Path) -> dict[str, Any] | None:
    """What it used by its own account; nothing where that is no JSON object."""
    from vlab.evidence.files import Refused, read_regular

    try:
        found = json.loads(read_regular(file, _COST_BYTES))
    except (Refused, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


class _Transcript:
    """Keeps what a program writes, with its time, up to a limit."""

    def __init__(self, out: Any, note: Any) -> None:
        self._out, self._note = out, note
        self._left = _TRANSCRIPT_BYTES

    def __call__(self, at: float, text: str) -> None:
        if self._left <= 0:
            return
        self._left -= len(text)
        cut = "\n[the rest is not kept]" if self._left <= 0 else ""
        self._out.write(json.dumps({"t": at, "text": text + cut}) + "\n")
        self._out.flush()
        if said := text.strip().splitlines():
            self._note(said[-1][:80])
