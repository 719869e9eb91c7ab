"""Checks and verdicts: a fail is the learner's, an error is the grader's, and the score is the same everywhere."""

import io
import textwrap
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from rich.console import Console

from vlab import catalog
from vlab.evidence import Collected, Evidence, Header, write
from vlab.grading import checks_in, grade
from vlab.report import junit, terminal
from vlab.report.model import Report, Verdict


@pytest.fixture
def evidence(tmp_path):
    header = Header(
        vlab="0",
        scenario="s",
        learner="ada",
        namespace="n",
        profile="cpu",
        started=datetime(2026, 1, 1, tzinfo=UTC),
        seconds=1.0,
        collectors={"objects": Collected(ok=True, seconds=0.1)},
    )
    write(tmp_path / "evidence", header, {"objects": {"start": [], "now": []}}, {})
    return Evidence(tmp_path / "evidence")


@pytest.fixture
def graded(tmp_path, evidence):
    def run(body: str) -> Report:
        file = tmp_path / f"test_{abs(hash(body))}.py"
        file.write_text("from vlab.grading import CannotTell, check, expect\n" + textwrap.dedent(body))
        return grade(evidence, file, "A title")

    return run


BODY = """
    @check("good", points=1, help="")
    def test_good(objects):
        '''It holds'''
        expect(objects == [], "nothing", "something")

    @check("bad", points=2, help="look there")
    def test_bad(objects):
        '''It does not'''
        expect(objects, "a pod", "none")

    @check("after-bad", points=3, needs=["bad"], help="")
    def test_after(objects):
        '''It needs bad'''

    @check("untold", points=4, help="")
    def test_untold(events):
        '''Its evidence is missing'''

    @check("broken", points=5, help="")
    def test_broken(objects):
        '''The grader has a bug'''
        objects[0]
"""


def test_the_four_verdicts(graded):
    report = graded(BODY)
    assert {c.id: c.verdict for c in report.checks} == {
        "good": Verdict.PASS,
        "bad": Verdict.FAIL,
        "after-bad": Verdict.SKIP,
        "untold": Verdict.ERROR,
        "broken": Verdict.ERROR,
    }
    bad = next(c for c in report.checks if c.id == "bad")
    assert (bad.expected, bad.actual, bad.help) == ("a pod", "none", "look there")


def test_what_could_not_be_told_counts_for_neither_side(graded):
    report = graded(BODY)
    assert (report.score, report.out_of, report.passed) == (1, 6, False)


def test_a_report_with_an_error_and_no_fail_is_undecided_and_no_pass(graded):
    report = graded(
        """
        @check("untold", points=1, help="")
        def test_untold(events):
            '''Its evidence is missing'''
        """
    )
    assert report.undecided
    assert not report.passed


def test_a_check_is_judged_after_what_it_needs_wherever_it_is_written(graded):
    report = graded(
        """
        @check("second", points=1, needs=["first"], help="")
        def test_second(objects):
            '''Second'''

        @check("first", points=1, help="")
        def test_first(objects):
            '''First'''
        """
    )
    assert [c.id for c in report.checks] == ["first", "second"]
    assert report.passed


@pytest.mark.parametrize(("needs", "words"), [(["nobody"], "nobody"), (["a"], "circle")], ids=["unknown", "circle"])
def test_needs_that_make_no_sense_are_refused(graded, needs, words):
    with pytest.raises(ValueError, match=words):
        graded(
            f"""
            @check("a", points=1, needs={needs}, help="")
            def test_a(objects):
                '''A'''
            """
        )


def test_every_format_shows_the_same_score_and_verdicts(graded):
    report = graded(BODY)
    console = Console(width=100, file=io.StringIO())
    console.print(terminal.render(report))
    text = console.file.getvalue()
    assert "1 of 6 points" in text
    assert "look there" in text
    suite = ElementTree.fromstring(junit.render(report))
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "5", "failures": "1", "errors": "2", "skipped": "1"}
    values = {p.get("name"): p.get("value") for p in suite.iter("property")}
    assert (values["score"], values["out_of"]) == ("1", "6")
    again = Report.model_validate_json(report.model_dump_json())
    assert again == report
    assert '"score":1' in report.model_dump_json()


RECORDED = [
    (scenario, folder)
    for scenario in catalog.scenarios().values()
    for folder in sorted((scenario.folder / "evidence").glob("*"))
]


@pytest.mark.parametrize(("scenario", "folder"), RECORDED, ids=lambda v: getattr(v, "id", getattr(v, "name", v)))
def test_recorded_runs_are_judged_as_they_must_be(scenario, folder):
    report = grade(Evidence(folder), scenario.grader)
    verdicts = {c.id: c.verdict for c in report.checks}
    if folder.name in ("healthy", "solved"):
        assert report.passed, verdicts
    elif folder.name == "faulty":
        assert Verdict.FAIL in verdicts.values(), verdicts
    else:
        assert verdicts[scenario.wrong[folder.name]] is Verdict.FAIL, verdicts


@pytest.mark.parametrize("scenario", catalog.scenarios().values(), ids=lambda s: s.id)
def test_every_scenario_has_recorded_runs(scenario):
    recorded = {folder.name for s, folder in RECORDED if s is scenario}
    assert recorded == {"healthy", "faulty", "solved", *scenario.wrong}


@pytest.mark.parametrize("scenario", catalog.scenarios().values(), ids=lambda s: s.id)
def test_every_check_fails_on_some_recorded_run(scenario):
    failed = {
        result.id
        for s, folder in RECORDED
        if s is scenario
        for result in grade(Evidence(folder), scenario.grader).checks
        if result.verdict is Verdict.FAIL
    }
    assert failed == {c.id for c in checks_in(scenario.grader)}
