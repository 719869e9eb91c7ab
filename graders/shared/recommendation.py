"""A written recommendation, held against what was measured in its run; the words that decided are shown."""

from vlab.grading import check, expect
from vlab.grading.notes import RECOMMENDATION, expect_criterion

WORDS = 12
"""Fewer hold no four parts."""


@check(
    "recommendation-written",
    points=1,  # without any it would be a safeguard, and a text that is missing would cost what was mended
    help="Four parts: the observed signal, its interpretation, one change, and how you would see that it was right.",
)
def test_recommendation_written(written):
    """There is a recommendation"""
    words = written.note(RECOMMENDATION).own_words
    expect(words >= WORDS, f"{WORDS} words or more in answers/{RECOMMENDATION}", f"{words}")


@check(
    "signal-exists",
    points=1,
    needs=["recommendation-written"],
    help="Name a metric or a symptom, and say what you saw of it.",
)
def test_signal_exists(recommendation):
    """It begins with something that was really seen in this run"""
    expect_criterion(recommendation, "signal_exists")


@check(
    "number-true",
    points=1,
    needs=["recommendation-written"],
    help="Numbers are read where this run's are: at its start, or in a load that you sent.",
)
def test_number_true(recommendation):
    """The numbers of the run that it cites are this run's"""
    expect_criterion(recommendation, "number_true")


@check(
    "pressure-right",
    points=2,
    needs=["recommendation-written"],
    help="Which resource is scarce: does the queue grow because of the cache, of compute, or of something else?",
)
def test_pressure_right(recommendation):
    """It names the pressure that this run is under"""
    expect_criterion(recommendation, "pressure_right")


@check("change-acts", points=2, needs=["recommendation-written"], help="What would take that very pressure away?")
def test_change_acts(recommendation):
    """The change acts on that pressure"""
    expect_criterion(recommendation, "change_acts")


@check("change-specific", points=1, needs=["recommendation-written"], help="A flag, a value, a resource: one of them.")
def test_change_specific(recommendation):
    """The change is precise enough to be made"""
    expect_criterion(recommendation, "change_specific")


@check("no-veto", points=1, needs=["recommendation-written"], help="The course has a list of common mistakes.")
def test_no_veto(recommendation):
    """It proposes none of the known mistakes"""
    expect_criterion(recommendation, "no_veto")


@check(
    "validation-complete",
    points=2,
    needs=["recommendation-written"],
    help="The same load again, a metric on which this shows, and the way in which it moves.",
)
def test_validation_complete(recommendation):
    """It says under which load which metric moves, and which way"""
    expect_criterion(recommendation, "validation_complete")
