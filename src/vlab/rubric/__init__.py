"""Judges what a learner wrote against the evidence of the run, by extraction and comparison."""

from vlab.rubric.figures import figures
from vlab.rubric.files import read_text
from vlab.rubric.judging import Judged, check, diagnose
from vlab.rubric.placeholders import fill
from vlab.rubric.verdict import Criterion

__all__ = ["Criterion", "Judged", "check", "diagnose", "figures", "fill", "read_text"]
