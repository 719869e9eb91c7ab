"""Items of the quiz that ask for a recommendation: written about a recorded run, and judged against it."""

from functools import cache

from vlab import catalog, evidence, rubric
from vlab.evidence import Evidence
from vlab.quiz import Explain
from vlab.rubric import Judged


def figures(item: Explain) -> dict[str, float]:
    """What may be cited of the recorded run, by name; nothing of an item without one."""
    return {} if item.recorded is None else rubric.figures(_run(item.scenario, item.recorded))


def model_answer(item: Explain) -> str:
    """With the recorded run's figures in it, in Markdown."""
    return rubric.fill(item.answer, figures(item))


def judged(item: Explain, text: str) -> Judged | None:
    """What came of an answer; None for an item without a recorded run, of which nobody can tell but its reader."""
    if item.scenario is None or item.recorded is None:
        return None
    return rubric.check(text, catalog.scenario(item.scenario), _run(item.scenario, item.recorded))


@cache
def _run(scenario: str | None, phase: str) -> Evidence:
    return evidence.load(catalog.scenario(scenario or "").recorded[phase])
