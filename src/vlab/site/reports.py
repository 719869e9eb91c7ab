"""Reports of recorded runs as pages show them: graded when the site is built, in the words of a terminal."""

from html import escape

from vlab import catalog
from vlab.errors import LabError
from vlab.evidence import load
from vlab.grading import grade_exercise
from vlab.report import terminal, words
from vlab.site.figures import recorded_on

_WIDTH = 76


def report(where: str) -> str:
    """The report of a recorded run, to unfold, as HTML. No search finds it.

    Args:
        where: an exercise and a phase of its life, such as `shm-missing/faulty`.

    Raises:
        LabError: there is no such run.
    """
    identifier, _, phase = where.partition("/")
    exercise = catalog.exercise(identifier)
    if phase not in exercise.recorded:
        raise LabError(f"{identifier} has no recorded run {phase!r}", f"there are: {', '.join(exercise.recorded)}")
    recorded = load(exercise.recorded[phase])
    judged = grade_exercise(recorded, exercise)
    outcome, text = escape(words.outcome(judged)), escape(terminal.text(judged, recorded, _WIDTH))
    return (
        f"<details data-search-exclude><summary>{outcome}</summary>"
        f'<pre tabindex="0" role="region" aria-label="Report: {outcome}"><code>{text}</code></pre>'
        f"<p><small>{escape(recorded_on(recorded))}</small></p></details>"
    )
