"""What formats for other graders' dashboards say of a report: a check in words, and its share of a fixed total."""

from vlab.model import CheckResult, Report, Verdict
from vlab.report import words


def check(result: CheckResult) -> str:
    """The verdict and what there is to say about it, a line each."""
    lines = [f"{words.MARKS[result.verdict][1]} ({result.id}, {words.worth(result)})"]
    return "\n".join([*lines, *(f"{word}: {said}" for word, said in words.explanations(result).items())])


def whole(report: Report) -> str:
    """The score in words, and whose evidence it is."""
    apart = [f"{each.title}, with a score of its own: {words.outcome(each)}" for each in report.apart]
    return "\n".join([words.outcome(report), *apart, f"evidence: {report.seal}"])


def total(report: Report) -> int:
    """Points of all checks, those that could not be told among them: what a dashboard counts from."""
    return sum(each.points for each in report.checks)


def share(report: Report) -> float:
    """What of that total was earned, from 0 to 1.

    A check that could not be told counts for neither side, so that where there is one the rest stands for the whole.
    """
    return report.score / report.max_score if report.max_score else 0.0


def told(report: Report) -> bool:
    """Whether anything could be told that earns points, or everything passed."""
    return bool(report.max_score) or all(each.verdict is not Verdict.ERROR for each in report.checks)
