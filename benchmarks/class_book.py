"""How long a class's gradebook, verify and regrade take, and how much memory: 200 learners with one grading each of
three exercises, made of recorded runs in a temporary state folder. Needs no lab.

Usage: .venv/bin/python benchmarks/class_book.py [--learners N] [--html FILE] [--json]
"""

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "unit"))

import classes
from vlab import catalog
from vlab.classroom import gradebook, gradebook_html, regrade, results, trust
from vlab.evidence import Evidence
from vlab.model import Report

EXERCISES = ("shm-missing", "four-gpu-pending", "leaked-gpu")


def main() -> None:
    """Make the class, do each thing once, print seconds and peak memory."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--learners", type=int, default=200)
    parser.add_argument("--html", type=Path, help="Keep the page here.")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vlab-") as state:
        os.environ["VLAB_STATE"] = state
        found = measured(_filled(asked.learners), asked.html)
    if asked.json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        print(f"{name}: {value}")


def measured(room: classes.Room, page: Path | None) -> dict[str, float]:
    """Seconds of each step, and the peak memory of this process and of the largest worker, in MB."""
    found: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        began = time.monotonic()
        done = work()
        found[f"{name} (s)"] = round(time.monotonic() - began, 1)
        return done

    book = timed("gradebook", lambda: gradebook.of_class(room.of))
    text = timed("its page", lambda: gradebook_html.text(book))
    if page is not None:
        page.write_text(text)
    attempts = results.attempts(room.of)
    found["gradings"] = len(attempts)
    against = timed("seals", lambda: trust.every(attempts, room.of))
    tasks = [regrade.Task(each, against[each.folder], write=False) for each in attempts]
    verified = timed("verify, with the evidence graded anew", lambda: regrade.graded(tasks, _quiet))
    found["of which something speaks against"] = sum(bool(each.refused or each.differs) for each in verified)
    done = timed("regrade", lambda: regrade.regrade(room.of, attempts, _quiet, write=True))
    found["of which changed"] = sum(bool(each.changes) for each in done)
    found["peak memory (MB)"] = _peak(resource.RUSAGE_SELF)
    found["peak memory of a worker (MB)"] = _peak(resource.RUSAGE_CHILDREN)
    return found


def _filled(learners: int) -> classes.Room:
    """A class with one grading of each exercise for each learner; each phase is judged once and copied."""
    room = classes.made("id,name\n" + "".join(f"{n:07},Learner {n}\n" for n in range(learners)))
    phases = {name: cycle(catalog.exercise(name).recorded) for name in EXERCISES}
    judged: dict[tuple[str, str], Report] = {}
    for learner in room.of.learners:
        for exercise in EXERCISES:
            phase = next(phases[exercise])
            folder = room.grade(learner, phase, exercise, report=judged.get((exercise, phase)))
            report = Report.model_validate_json((folder / "report.json").read_bytes())
            judged.setdefault((exercise, phase), report)
            evidence = Evidence(folder / "evidence")
            known = {
                "learner": learner.slug,
                "evidence": evidence.digest,
                "recorded": evidence.header.started,
                "seal": str(evidence.seal),
                "cluster": evidence.header.cluster,
                "vlab": "0.0.0",  # so that every one is put in place anew
            }
            (folder / "report.json").write_text(report.model_copy(update=known).model_dump_json(indent=2))
    return room


def _peak(of: int) -> float:
    return round(resource.getrusage(of).ru_maxrss / 1024, 1)


def _quiet(_done: int, _of: int) -> None:
    """Nobody watches."""


if __name__ == "__main__":
    main()
