"""How far right mendings are from wrong ones: the decisive figures of ten loads of each, and the gap between the worst
right and the best wrong mending of each check, against the spread of either. A gap under twice the spread is no check.
Checks compare with the start, so figures are compared as shares of the faulty deployment's: the worst right share is
of its worst load against the kindest of the faulty, the best wrong share that of its best against the harshest.

Needs a lab (`vlab up`) with nothing deployed in namespace vlab-margins, on a machine that does nothing else.
`--beside 1` keeps so many cores busy meanwhile, as on a slower machine. `--keep FILE` has one line for each phase that
is done, so that a run which was cut goes on.

Usage: .venv/bin/python benchmarks/margins.py SCENARIO [--name LAB] [--runs 10] [--phase PHASE ...] [--beside N]
           [--keep FILE] [--json]
"""

import argparse
import json
import multiprocessing
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from vlab import catalog, exercise, measure, settle
from vlab.catalog import Exercise
from vlab.cluster import lab
from vlab.cluster.kube import kube
from vlab.errors import LabError
from vlab.evidence import CannotTell, Stream
from vlab.grading.load import checks_in
from vlab.grading.traffic import Traffic
from vlab.names import DEFAULT_LAB
from vlab.phases import must_fail
from vlab.scripts import run_script

NAMESPACE = "vlab-margins"
SETTLE_S = 240.0


@dataclass(frozen=True)
class Figure:
    """What a check compares."""

    of: Callable[[Any], float]
    lower_is_better: bool = True
    compares: bool = True
    """With what it was at the start."""


def reads(stream: Stream) -> float:
    """Reads an event through the edge, for one of the engine itself."""
    direct, edge = stream.direct, stream.edge
    if direct is None or edge is None:
        raise CannotTell("not asked")
    return (edge.reads_per_event or 0.0) / (direct.reads_per_event or 1.0)


FIGURES: dict[str, Figure] = {
    "preemptions-gone": Figure(lambda t: t.preemptions),
    "queue-drains": Figure(lambda t: t.waited),
    "first-token-sooner": Figure(lambda t: t.ttft(95)),
    "throughput-kept": Figure(lambda t: t.tokens_per_second, lower_is_better=False),
    "chat-first-token": Figure(lambda t: t.of("chat").ttft(95)),
    "batch-kept": Figure(lambda t: t.of("batch").tokens_per_second, lower_is_better=False),
    "tokens-flow": Figure(reads, lower_is_better=False, compares=False),
}


@contextmanager
def busy(cores: int) -> Iterator[None]:
    """Keep so many cores busy."""
    others = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(cores)]
    for each in others:
        each.start()
    yield
    for each in others:
        each.terminate()


def _spin() -> None:
    while True:
        pass


def measured(scenario: Exercise, phases: list[str], given: argparse.Namespace) -> Iterator[tuple[str, list[Any]]]:
    """The loads or streams of each phase."""
    found = lab.get(given.name)
    cluster = kube(found)
    parameters = scenario.draw("gate", found.profile)
    run = exercise.start(found, scenario, "margins", NAMESPACE, replace=True, parameters=parameters)
    try:
        for phase in phases:
            kind, _, name = phase.partition("-")
            run = exercise.reset(run, found, scenario)
            if kind == "solved":
                run_script(run, found, scenario, scenario.folder / "solution" / "apply.sh")
            elif kind != "faulty":
                run_script(run, found, scenario, scenario.script("also" if kind == "also" else "wrong", name))
            settle.settle(cluster, found, NAMESPACE, lambda _: None, scenario.awaited, SETTLE_S)
            yield phase, list(once(cluster, found, run, scenario, given.runs))
    finally:
        exercise.remove(cluster, found, NAMESPACE)


def once(cluster: Any, found: Any, run: Any, scenario: Exercise, runs: int) -> Iterator[Any]:
    """So many measurements of what is deployed; fewer where it does not serve."""
    for _ in range(runs):
        try:
            if "load" in scenario.collect:
                yield Traffic(measure.load(cluster, found, run, scenario, lambda _: None))
            else:
                yield measure.stream(cluster, found, run, scenario, lambda _: None)
        except LabError as e:
            sys.stderr.write(f"{e.message}\n")
            return


def values(figure: Figure, loads: list[Any]) -> list[float]:
    """A figure of each load that tells it."""
    known = []
    for each in loads:
        try:
            known.append(figure.of(each))
        except CannotTell:
            continue
    return known


def shares(figure: Figure, now: list[float], faulty: list[float]) -> tuple[float, float]:
    """The least and the most that a figure can be of what it was at the start, whichever loads are compared.

    Returns: two fractions; the figures themselves where a check does not compare with the start.
    """
    if not figure.compares or not faulty:
        return min(now), max(now)
    return min(now) / max(faulty), max(now) / (min(faulty) or 1e-9)


def spread(figure: Figure, now: list[float], faulty: list[float]) -> float:
    """The standard deviation of a figure, as a share of the faulty deployment's median."""
    if len(now) < 2:
        return 0.0
    whole = statistics.median(faulty) if figure.compares and faulty else 1.0
    return statistics.stdev(now) / (whole or 1e-9)


def gap(scenario: Exercise, check: str, by_phase: dict[str, list[float]]) -> dict[str, Any] | None:
    """The worst right and the best wrong mending of a check, and what is between them, in shares of the start."""
    figure, faulty = FIGURES[check], by_phase.get("faulty", [])
    right = {p: v for p, v in by_phase.items() if v and must_fail(scenario, p) is None}
    wrong = {p: v for p, v in by_phase.items() if v and must_fail(scenario, p) == check and p != "faulty"}
    if check == scenario.expected and faulty and not wrong:
        wrong = {"faulty": faulty}
    if not right or not wrong:
        return None
    end = max if figure.lower_is_better else min
    bad = {p: shares(figure, v, faulty)[1 if figure.lower_is_better else 0] for p, v in right.items()}
    good = {p: shares(figure, v, faulty)[0 if figure.lower_is_better else 1] for p, v in wrong.items()}
    worst = end(bad, key=lambda p: bad[p])
    best = (min if figure.lower_is_better else max)(good, key=lambda p: good[p])
    between = good[best] - bad[worst] if figure.lower_is_better else bad[worst] - good[best]
    most = max(spread(figure, right[worst], faulty), spread(figure, wrong[best], faulty))
    return {
        "worst_right": worst,
        "at": round(bad[worst], 3),
        "best_wrong": best,
        "wrong_at": round(good[best], 3),
        "gap": round(between, 3),
        "spread": round(most, 3),
        "enough": between >= 2 * most,
    }


def read(keep: Path | None) -> dict[str, dict[str, list[float]]]:
    """The figures of the phases that are done."""
    if keep is None or not keep.is_file():
        return {}
    return {phase: by for line in keep.read_text().splitlines() for phase, by in json.loads(line).items()}


def main() -> None:
    """Measure, and print one table of figures and one of gaps."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("scenario")
    options.add_argument("--name", default=DEFAULT_LAB)
    options.add_argument("--runs", type=int, default=10)
    options.add_argument("--phase", action="append")
    options.add_argument("--beside", type=int, default=0)
    options.add_argument("--keep", type=Path)
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    scenario = catalog.scenario(given.scenario)
    own = [c.id for c in checks_in(*scenario.graders) if c.id in FIGURES]
    deciding = [f"wrong-{n}" for n, check in scenario.wrong.items() if check in own]
    also = [f"also-{name}" for name in scenario.also_right]
    phases = given.phase or ["faulty", "solved", *also, *deciding]
    table = read(given.keep)
    phases = [p for p in phases if p not in table]
    with busy(given.beside):
        for phase, loads in measured(scenario, phases, given) if phases else ():
            found = {check: values(FIGURES[check], loads) for check in own}
            table[phase] = {check: v for check, v in found.items() if v}
            if given.keep is not None:
                with given.keep.open("a") as file:
                    file.write(json.dumps({phase: table[phase]}) + "\n")
            said = ", ".join(f"{c} {statistics.median(v):.2f}" for c, v in table[phase].items())
            sys.stderr.write(f"{phase}: {said}\n")
    gaps = {check: gap(scenario, check, {p: by.get(check, []) for p, by in table.items()}) for check in own}
    if given.json:
        Console().print_json(json.dumps({"figures": table, "gaps": gaps}))
        return
    figures = Table("phase", *own, box=None)
    for phase, by in table.items():
        figures.add_row(
            phase, *(f"{min(v):.2f} {statistics.median(v):.2f} {max(v):.2f}" if (v := by.get(c)) else "" for c in own)
        )
    Console(width=160).print(figures)
    for check, between in gaps.items():
        Console(width=160).print(check, between or "no right and wrong mending to compare", highlight=False)


if __name__ == "__main__":
    main()
