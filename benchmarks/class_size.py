"""A class of many on a lab: seconds, calls to the API for each learner, and memory of create, start, grade and close.

    python benchmarks/class_size.py --name vlab-test --learners 200
    python benchmarks/class_size.py --name vlab-test --learners 6 --mend 4

The exercise needs no engine while it is broken (four-gpu-pending: the pods wait), so that one machine holds the class.
Whoever mends it has a real engine, as many as the cluster has GPUs. It prints JSON. What is measured besides: a board's
look at the whole cluster, and with `--jobs` the same round in Jobs on the cluster.
"""

import argparse
import json
import resource
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vlab import catalog, runs, ui
from vlab.classroom import manage, roster, rounds, store
from vlab.classroom.board.live import Live
from vlab.classroom.jobs import run as in_jobs
from vlab.cluster import lab as labs
from vlab.cluster.kube import asked
from vlab.scripts import run_script

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
    parser.add_argument("--mend", type=int, default=0, help="so many learners mend it before it is graded")
    parser.add_argument("--jobs", action="store_true", help="grade in Jobs on the cluster as well")
    given = parser.parse_args()
    lab = labs.get(given.name)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "roster.csv"
        file.write_text("id,name\n" + "".join(f"{n:07},Learner {n}\n" for n in range(given.learners)))
        learners = roster.read(file)
    of = manage.new("size", lab, learners)
    exercise, steps, figures = catalog.exercise(EXERCISE), ui.Steps(), {}
    trouble: dict[str, list[str]] = {}
    words: dict[str, dict[str, int]] = {}

    def mend() -> list[Any]:
        for learner in learners[: given.mend]:
            run = runs.load(lab, exercise, learner.slug)
            run_script(run, lab, exercise, exercise.folder / "solution" / "apply.sh")
        return []

    def grade(where: Any) -> list[Any]:
        return where.grade(rounds.Order(of, exercise, learners, 300.0, given.parallel, anew=True), steps)

    try:
        with steps:
            for name, do in {
                "create": lambda: manage.create(of, steps),
                "start": lambda: manage.start(of, exercise, learners, steps, replace=False, parallel=given.parallel),
                "mend": mend,
                "grade": lambda: grade(rounds),
                **({"grade in jobs": lambda: grade(in_jobs)} if given.jobs else {}),
            }.items():
                figures[name], outcomes = measured(do, len(learners))
                trouble[name] = [f"{o.learner.slug}: {o.words}" for o in outcomes if not o.ok]
                if name.startswith("grade"):
                    words[name] = Counter(o.words for o in outcomes)
            live = Live(of, lab)
            live.look()
            figures["board looks, nothing new"], _ = measured(live.look, len(learners))
    finally:
        with ui.Steps() as steps:
            figures["close"], _ = measured(lambda: manage.close(of, steps), len(learners))
        store.remove(of.name)
        for learner in learners:
            shutil.rmtree(runs.on(lab.name) / learner.slug, ignore_errors=True)
    print(json.dumps({"learners": len(learners), "figures": figures, "words": words, "trouble": trouble}, indent=2))


if __name__ == "__main__":
    main()
