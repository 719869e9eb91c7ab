"""How far right mendings are from wrong ones: the decisive figures of ten loads of each, and the gap between the worst
right and the best wrong mending of each check, against the spread of either. A gap under twice the spread is no check.

Needs a lab (`vlab up`) with nothing deployed in namespace vlab-margins, on a machine that does nothing else.
`--beside 1` keeps so many cores busy meanwhile, as on a slower machine.

Usage: .venv/bin/python benchmarks/margins.py SCENARIO [--name LAB] [--runs 10] [--phase PHASE ...] [--beside N]
"""

import argparse
import json
import multiprocessing
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from vlab import catalog, exercise, measure, settle
from vlab.catalog import Scenario
from vlab.cluster import lab
from vlab.cluster.kube import kube
from vlab.errors import LabError
from vlab.evidence import CannotTell, Stream
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
    "tokens-flow": Figure(reads, lower_is_better=False),
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


def measured(scenario: Scenario, phases: list[str], given: argparse.Namespace) -> Iterator[tuple[str, list[Any]]]:
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
            settle.settle(cluster, found, NAMESPACE, lambda _: None, SETTLE_S, addresses=scenario.awaited)
            yield phase, list(once(cluster, found, run, scenario, given.runs))
    finally:
        exercise.remove(cluster, found, NAMESPACE)


def once(cluster: Any, found: Any, run: Any, scenario: Scenario, runs: int) -> Iterator[Any]:
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


def gap(scenario: Scenario, check: str, by_phase: dict[str, list[float]]) -> dict[str, Any] | None:
    """The worst right and the best wrong mending of a check, and what is between them."""
    sign = 1 if FIGURES[check].lower_is_better else -1
    right = {p: v for p, v in by_phase.items() if v and must_fail(scenario, p) is None}
    wrong = {p: v for p, v in by_phase.items() if v and must_fail(scenario, p) == check}
    if not right or not wrong:
        return None
    worst = max(right, key=lambda p: max(sign * x for x in right[p]))
    best = min(wrong, key=lambda p: min(sign * x for x in wrong[p]))
    high, low = max(sign * x for x in right[worst]), min(sign * x for x in wrong[best])
    spread = max(statistics.stdev(v) if len(v) > 1 else 0.0 for v in (right[worst], wrong[best]))
    return {
        "worst_right": worst,
        "at": sign * high,
        "best_wrong": best,
        "wrong_at": sign * low,
        "gap": low - high,
        "spread": spread,
        "enough": low - high >= 2 * spread,
    }


def main() -> None:
    """Measure, and print one table of figures and one of gaps."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("scenario")
    options.add_argument("--name", default=DEFAULT_LAB)
    options.add_argument("--runs", type=int, default=10)
    options.add_argument("--phase", action="append")
    options.add_argument("--beside", type=int, default=0)
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    scenario = catalog.scenario(given.scenario)
    own = [c for c in FIGURES if c in {scenario.expected, *scenario.wrong.values(), "throughput-kept", "batch-kept"}]
    deciding = [f"wrong-{n}" for n, check in scenario.wrong.items() if check in own]
    also = [f"also-{name}" for name in scenario.also_right]
    phases = given.phase or ["faulty", "solved", *also, *deciding]
    table: dict[str, dict[str, list[float]]] = {}
    with busy(given.beside):
        for phase, loads in measured(scenario, phases, given):
            found = {check: values(FIGURES[check], loads) for check in own}
            table[phase] = {check: v for check, v in found.items() if v}
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
