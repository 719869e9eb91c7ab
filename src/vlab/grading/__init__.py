"""Checks over evidence: pure functions, four verdicts, one score."""

from vlab.evidence import CannotTell
from vlab.grading.check import Check, Mismatch, check, expect
from vlab.grading.run import checks_in, grade

__all__ = ["CannotTell", "Check", "Mismatch", "check", "checks_in", "expect", "grade"]
