"""Checks over evidence: pure functions, four verdicts, one score."""

from vlab.evidence import CannotTell
from vlab.grading.check import Check, Mismatch, check, expect
from vlab.grading.load import checks_in, grader_file, refuse_uncollected
from vlab.grading.run import grade, grade_exercise

__all__ = [
    "CannotTell",
    "Check",
    "Mismatch",
    "check",
    "checks_in",
    "expect",
    "grade",
    "grade_exercise",
    "grader_file",
    "refuse_uncollected",
]
