"""A written diagnosis, held against what was recorded of its run; graded apart from the mending."""

from vlab.grading import check, expect
from vlab.grading.notes import DIAGNOSIS, expect_criterion

WORDS = 6
"""Fewer name no layer with what shows it."""


@check("diagnosis-written", help="Three parts: the failing layer, what shows it, and what you ruled out.")
def test_diagnosis_written(written):
    """There is a diagnosis"""
    words = written.note(DIAGNOSIS).own_words
    expect(words >= WORDS, f"{WORDS} words or more in answers/{DIAGNOSIS}", f"{words}")


@check("layer-right", points=3, needs=["diagnosis-written"], help="Which layer fails, of those that the file lists?")
def test_layer_right(diagnosis):
    """It names the layer that fails, and no other"""
    expect_criterion(diagnosis, "layer_right")


@check(
    "evidence-shown",
    points=2,
    needs=["diagnosis-written"],
    help="Name what you saw: a metric, an event, a line of a log; numbers as this run had them.",
)
def test_evidence_shown(diagnosis):
    """It rests on something that was really seen in this run"""
    expect_criterion(diagnosis, "evidence_shown")


@check(
    "ruled-out", points=1, needs=["diagnosis-written"], help="What else could it have been, and what speaks against?"
)
def test_ruled_out(diagnosis):
    """It rules out another layer"""
    expect_criterion(diagnosis, "ruled_out")
