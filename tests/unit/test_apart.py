"""What is written beside a mending is graded apart from it; over recorded runs, with answers put beside them."""

import zipfile

import pytest

from vlab import catalog
from vlab.evidence import Evidence
from vlab.grading import grade_exercise
from vlab.report import render

SHM = catalog.scenario("shm-missing")
RIGHT = """# Diagnosis
## Failing layer
Shared memory.
## Evidence
The log says `insufficient space in /dev/shm`, and the restart count of the pod rises.
## Ruled out
Scheduling: the pod had its node at once.
"""


@pytest.fixture
def graded(tmp_path):
    def of(phase, **answers):
        with zipfile.ZipFile(SHM.recorded[phase]) as recorded:
            recorded.extractall(tmp_path)
        (tmp_path / "answers").mkdir(exist_ok=True)
        for name, text in answers.items():
            (tmp_path / "answers" / f"{name}.md").write_text(text)
        return grade_exercise(Evidence(tmp_path), SHM)

    return of


def template(name):
    return SHM.templates[f"{name}.md"].read_text()


def test_a_right_diagnosis_of_a_fault_that_is_still_there(graded):
    report = graded("faulty", diagnosis=RIGHT)
    (apart,) = report.apart
    assert (apart.title, apart.passed, apart.score) == ("diagnosis", True, 6)
    assert not report.passed


def test_a_wrong_diagnosis_takes_nothing_from_a_mending(graded):
    report = graded("solved", diagnosis=RIGHT.replace("Shared memory.", "Scheduling.").replace("Scheduling:", "Shm:"))
    assert report.passed
    assert report.model_copy(update={"apart": ()}).percent == 100.0
    assert {c.id for c in report.apart[0].checks if c.verdict == "fail"} >= {"layer-right"}


@pytest.mark.parametrize("answers", [{}, {"diagnosis": template("diagnosis")}, {"recommendation": "  \n"}])
def test_what_was_not_written_is_not_graded(graded, answers):
    assert graded("solved", **answers).apart == ()


def test_both_are_shown_with_their_own_scores(graded):
    report = graded("solved", diagnosis=RIGHT, recommendation="Restart it, I think, and then have a look at it again.")
    assert [r.title for r in report.apart] == ["diagnosis", "recommendation"]
    for format in ("terminal", "html"):
        text = render(report, None, format)
        assert "Your diagnosis" in text and "Your recommendation" in text
        assert "6 of 6 points (100%)" in text
