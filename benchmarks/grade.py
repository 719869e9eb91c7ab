"""`vlab grade` with nothing to wait for, the median of five; `vlab reset`, the median of three; a replay of recorded
evidence, each of 200 in one process; the load before a scenario's start, and what `vlab grade` takes besides its load,
the median of three. Starts four-gpu-pending and each scenario that is measured, and removes them again.

Needs a lab (`vlab up`) with nothing deployed in namespace llm-demo, on a machine that does nothing else.

Usage: .venv/bin/python benchmarks/grade.py [--name LAB] [--json]
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from vlab import catalog, exercise, measure, runs
from vlab.catalog import Exercise
from vlab.cluster import lab
from vlab.cluster.kube import kube
from vlab.evidence import Evidence
from vlab.evidence.traffic import Traffic
from vlab.grading import grade
from vlab.grading.views import WITH_LOAD
from vlab.names import DEFAULT_LAB
from vlab.settings import NAMESPACE

SCENARIO = "four-gpu-pending"
REPLAYS = 200


def vlab(*arguments: str) -> None:
    """Run the console script as its user does, which must not fail."""
    command = [Path(sys.executable).with_name("vlab"), *arguments, "--learner", "benchmark"]
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)


def seconds(work: Callable[[], object]) -> float:
    """How long something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def graded() -> list[float]:
    """Of a mended exercise that stands still, so that there is nothing to wait for."""
    vlab("solve", SCENARIO)
    vlab("grade", SCENARIO)
    return [seconds(lambda: vlab("grade", SCENARIO)) for _ in range(5)]


def reset() -> list[float]:
    """Each after a mending whose engine runs."""
    found = []
    for _ in range(3):
        vlab("solve", SCENARIO)
        vlab("grade", SCENARIO)
        found.append(seconds(lambda: vlab("reset", SCENARIO)))
    return found


def measured(scenario: Exercise) -> tuple[list[float], list[float], list[float]]:
    """Of one that is measured: the load of its start, that of each grading, and what the grading took besides."""
    vlab("start", scenario.id, "--replace")
    vlab("solve", scenario.id)
    vlab("grade", scenario.id)
    runs_of = lab.get(os.environ["VLAB_NAME"])
    folder = runs.load(runs_of, scenario, "benchmark").folder / "gradings"
    loads, besides = [], []
    for _ in range(3):
        whole = seconds(lambda: vlab("grade", scenario.id))
        recorded = Evidence(max(folder.iterdir()) / "evidence")
        collectors = recorded.header.collectors
        loads.append(sum(c.seconds for name, c in collectors.items() if name in WITH_LOAD))
        besides.append(whole - loads[-1])
    before = measure.read_before(runs_of, runs.load(runs_of, scenario, "benchmark"), scenario)
    first = [Traffic(before.load).seconds] if before.load is not None else []
    exercise.remove(kube(runs_of), runs_of, NAMESPACE)
    return first, loads, besides


def replayed() -> list[float]:
    """Recorded runs of all scenarios in turn; one of each before, which imports its graders."""
    recorded = [(s, file) for s in catalog.scenarios().values() for file in s.recorded.values()]
    for scenario, file in {s.id: (s, file) for s, file in recorded}.values():
        grade(Evidence(file), scenario.graders)
    turns = itertools.islice(itertools.cycle(recorded), REPLAYS)
    return [seconds(lambda s=s, file=file: grade(Evidence(file), s.graders)) for s, file in turns]


def main() -> None:
    """Measure all of it on one lab, side by side."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--name", default=DEFAULT_LAB)
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    os.environ["VLAB_NAME"] = given.name
    found = lab.get(given.name)
    vlab("start", SCENARIO, "--replace")
    try:
        figures = {"vlab grade": (graded(), 3.0), "vlab reset": (reset(), 10.0), "replay": (replayed(), 0.05)}
    finally:
        exercise.remove(kube(found), found, NAMESPACE)
    for scenario in (s for s in catalog.scenarios().values() if s.measured):
        first, loads, besides = measured(scenario)
        if first:
            figures[f"{scenario.id}: load at the start"] = (first, 35.0)
        figures[f"{scenario.id}: load when graded"] = (loads, 30.0)
        figures[f"{scenario.id}: vlab grade besides"] = (besides, 3.0)
    rows = [
        {"what": what, "runs": len(each), "median_s": statistics.median(each), "most_s": max(each), "target_s": target}
        for what, (each, target) in figures.items()
    ]
    if given.json:
        print(json.dumps(rows, indent=2))
        return
    table = Table(*rows[0], box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
