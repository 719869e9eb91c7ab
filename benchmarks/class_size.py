"""A class of many on a lab: seconds, calls to the API for each learner, and memory of create, start, grade and close.

    python benchmarks/class_size.py --name vlab-test --learners 200

The exercise needs no engine while it is broken (four-gpu-pending: the pods wait), so that one machine holds the class.
It prints JSON. What is measured besides: a board's look at the whole cluster.
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vlab import catalog, ui
from vlab.classroom import manage, roster, rounds, store
from vlab.classroom.board.live import Live
from vlab.cluster import lab as labs
from vlab.cluster.kube import asked

EXERCISE = "four-gpu-pending"


def measured(do: Callable[[], Any], learners: int) -> tuple[dict[str, float], Any]:
    """What one step took."""
    began, before = time.monotonic(), asked()
    result = do()
    calls = asked()["calls"] - before["calls"]
    return {
        "seconds": round(time.monotonic() - began, 1),
        "calls_a_learner": round(calls / learners, 1),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }, result


def main() -> None:
    """Measure, and take the class away again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", default="vlab")
    parser.add_argument("--learners", type=int, default=200)
    parser.add_argument("--parallel", type=int, default=8)
    given = parser.parse_args()
    lab = labs.get(given.name)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "roster.csv"
        file.write_text("id,name\n" + "".join(f"{n:07},Learner {n}\n" for n in range(given.learners)))
        learners = roster.read(file)
    of = manage.new("size", lab, learners)
    exercise, steps, figures = catalog.exercise(EXERCISE), ui.Steps(), {}
    trouble: dict[str, list[str]] = {}
    try:
        with steps:
            for name, do in {
                "create": lambda: manage.create(of, steps),
                "start": lambda: manage.start(of, exercise, learners, steps, replace=False, parallel=given.parallel),
                "grade": lambda: rounds.grade(of, exercise, learners, steps, patience=60.0, parallel=given.parallel),
            }.items():
                figures[name], outcomes = measured(do, len(learners))
                trouble[name] = [f"{o.learner.slug}: {o.words}" for o in outcomes if not o.ok]
            live = Live(of, lab)
            live.look()
            figures["board looks, nothing new"], _ = measured(live.look, len(learners))
    finally:
        with ui.Steps() as steps:
            figures["close"], _ = measured(lambda: manage.close(of, steps), len(learners))
        store.remove(of.name)
    print(json.dumps({"learners": len(learners), "figures": figures, "trouble": trouble}, indent=2))


if __name__ == "__main__":
    main()
