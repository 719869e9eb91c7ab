"""Checks and verdicts: a fail is the learner's, an error is the grader's; recorded runs are judged as they must be."""

import subprocess
import sys
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

import making
from vlab.errors import LabError
from vlab.evidence import Evidence, Settled, write
from vlab.grading import grade, grader_file
from vlab.grading.run import legible
from vlab.grading.score import earned, score
from vlab.model import CheckResult, Report, Verdict


@pytest.fixture
def evidence(tmp_path):
    header = making.header(("objects",), scenario="s")
    write(tmp_path / "evidence", header, {"objects": {"start": [], "now": []}}, {})
    return Evidence(tmp_path / "evidence")


@pytest.fixture
def graded(tmp_path, evidence):
    def run(*bodies: str) -> Report:
        files = []
        for number, body in enumerate(bodies):
            files.append(tmp_path / f"test_{abs(hash(body))}_{number}.py")
            head = "from vlab.grading import CannotTell, Mismatch, check, expect\n"
            files[-1].write_text(head + textwrap.dedent(body))
        return grade(evidence, files, "A title")

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


def one(body: str) -> str:
    return f"""
@check("only", points=1, help="the check's help")
def test_only(objects):
    '''It holds.'''
    {body}
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
    said = {c.id: (c.expected, c.actual, c.help, c.reason) for c in report.checks}
    assert said["good"] == ("", "", "", "")
    assert said["bad"] == ("a pod", "none", "look there", "")
    assert said["after-bad"][3] == "bad must pass first"
    assert said["untold"][3] == "events: nothing was recorded"
    assert said["broken"][3].startswith("the grader itself failed: IndexError")


def test_what_could_not_be_told_counts_for_neither_side(graded):
    report = graded(BODY)
    assert (report.score, report.max_score, report.percent, report.passed) == (1, 6, 16.7, False)
    assert [c.earned for c in report.checks] == [1, 0, 0, 0, 0]


def test_a_report_with_an_error_and_no_fail_is_undecided_and_no_pass(graded):
    report = graded(one("raise CannotTell('the API server went away')"))
    assert (report.undecided, report.passed, report.percent) == (True, False, None)
    assert report.checks[0].reason == "the API server went away"


def needing(identifier: str, *needs: str, points: int = 1, body: str = "pass") -> str:
    return f"""
@check("{identifier}", points={points}, needs={list(needs)}, help="")
def test_{identifier.replace("-", "_")}(objects):
    '''It holds'''
    {body}
"""


UNTOLD = "raise CannotTell('the API server went away')"
WRONG = "expect(False, 'one', 'two')"


def test_what_needs_a_check_in_error_is_in_error_itself(graded):
    report = graded(needing("a", body=UNTOLD) + needing("b", "a") + needing("c", "b"))
    assert [(c.verdict, c.reason) for c in report.checks][1:] == [
        (Verdict.ERROR, "a could not be told"),
        (Verdict.ERROR, "b could not be told"),
    ]
    assert (report.max_score, report.percent, report.undecided) == (0, None, True)
    assert report.model_dump(mode="json")["percent"] is None


def test_one_need_that_failed_decides_whatever_is_in_doubt_beside_it(graded):
    report = graded(needing("a", body=UNTOLD) + needing("b", body=WRONG) + needing("c", "a", "b") + needing("d", "c"))
    assert [(c.verdict, c.reason) for c in report.checks][2:] == [
        (Verdict.SKIP, "b must pass first"),
        (Verdict.SKIP, "c must pass first"),
    ]
    assert (report.max_score, report.percent) == (3, 0.0)


@pytest.mark.parametrize("body", [WRONG, "assert objects"])
def test_nothing_fails_while_something_still_moves(tmp_path, evidence, body):
    moving = evidence.header.model_copy(update={"settled": Settled(moving="the pod a is loading", seconds=300.0)})
    write(tmp_path / "moving", moving, {"objects": {"start": [], "now": []}})
    grader = tmp_path / "test_moving.py"
    head = "from vlab.grading import check, expect\n"
    grader.write_text(head + needing("good") + needing("bad", body=body) + needing("after", "bad"))
    good, bad, after = grade(Evidence(tmp_path / "moving"), grader).checks
    assert good.verdict is Verdict.PASS
    assert (bad.verdict, bad.reason) == (Verdict.ERROR, "still moving: the pod a is loading")
    assert after.verdict is Verdict.ERROR


def test_a_check_may_need_every_safeguard(graded):
    report = graded(
        needing("answers", "safeguards", "ready")
        + needing("ready")
        + needing("model", "safeguards", points=0)
        + needing("nodes", points=0, body=WRONG)
    )
    found = {c.id: c for c in report.checks}
    assert list(found) == ["nodes", "model", "ready", "answers"]
    assert found["answers"].needs == ("model", "nodes", "ready")
    assert found["model"].needs == ("nodes",)
    assert (found["answers"].verdict, found["answers"].reason) == (Verdict.SKIP, "nodes must pass first")
    with pytest.raises(LabError, match="no check can be called safeguards"):
        graded(needing("safeguards"))


def test_a_plain_assert_says_what_it_compared(graded):
    (result,) = graded(one("found = 3; assert len(objects) == found")).checks
    assert result.verdict is Verdict.FAIL
    assert result.expected == "It holds"
    assert "assert 0 == 3" in result.actual
    assert "len([])" in result.actual


def test_a_plain_assert_can_speak_for_itself(graded):
    (result,) = graded(one("assert objects, 'there is no pod'")).checks
    assert result.actual.startswith("there is no pod")


def test_a_mismatch_can_bring_its_own_help(graded):
    (result,) = graded(one("raise Mismatch('one', 'two', 'look here')")).checks
    assert (result.expected, result.actual, result.help) == ("one", "two", "look here")


@pytest.mark.parametrize("body", ["raise KeyError('x')", "raise OSError", "import nothing_like_this", "exit(1)"])
def test_any_other_exception_is_the_graders_failure(graded, body):
    (result,) = graded(one(body)).checks
    assert result.verdict is Verdict.ERROR
    assert (result.earned, result.help) == (0, "")


def test_damaged_evidence_is_no_verdict(evidence, tmp_path):
    (evidence.path / "objects.json").write_text("[")
    grader = tmp_path / "test_damaged.py"
    grader.write_text("from vlab.grading import check\n" + one("pass"))
    with pytest.raises(LabError, match=r"objects\.json"):
        grade(Evidence(evidence.path), grader)


def test_checks_keep_their_order_but_come_after_what_they_need(graded):
    text = """
        @check("a", needs=["d"], help="")
        def test_a(objects):
            '''A'''

        @check("b", help="")
        def test_b(objects):
            '''B'''

        @check("c", help="")
        def test_c(objects):
            '''C'''

        @check("d", needs=["c"], help="")
        def test_d(objects):
            '''D'''
        """
    report = graded(text)
    assert [c.id for c in report.checks] == ["c", "d", "a", "b"]
    assert report.passed


def test_several_files_are_one_grading_and_may_need_each_other(graded):
    first = one("pass")
    second = """
        @check("second", needs=["only"], help="")
        def test_second(objects):
            '''Second'''
        """
    assert [c.id for c in graded(first, second).checks] == ["only", "second"]
    with pytest.raises(LabError, match="two checks are called only"):
        graded(first, first)


def check_needing(needs: str) -> str:
    return f"@check('a', needs={needs}, help='')\ndef test_a(objects):\n    '''A'''\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (check_needing("['nobody']"), "needs nobody, which is no check"),
        (check_needing("['a']"), "circle: a -> a"),
        ("@check('a', help='')\ndef test_a(evnts):\n    '''A'''\n", "did it mean 'events'"),
        ("@check('a', help='')\ndef test_a(objects): pass\n", "no docstring"),
        ("def test_a(objects): pass\n", "no @check"),
        ("@check('a', help='')\ndef a(objects):\n    '''A'''\n", "begin with test_"),
        ("this is no Python\n", "SyntaxError"),
        ("1 / 0\n", "ZeroDivisionError"),
    ],
    ids=["unknown need", "circle", "unknown view", "no title", "no check", "name", "syntax", "import"],
)
def test_a_grader_that_makes_no_sense_is_refused(graded, text, words):
    with pytest.raises(LabError, match=words):
        graded(text)


def test_an_unknown_grader_names_the_nearest(evidence):
    with pytest.raises(LabError) as caught:
        grade(evidence, "four-gpu-pendin")
    assert caught.value.hint == "did you mean four-gpu-pending?"
    assert grader_file("four-gpu-pending").name == "test_four_gpu_pending.py"


@given(st.text())
def test_words_from_anywhere_fit_into_every_format(text):
    found = legible(text)
    found.encode()
    assert all(c in "\n\t" or c.isprintable() or ord(c) >= 0xA0 for c in found)


def test_colour_codes_go_and_long_words_are_cut_and_say_so():
    assert legible("\x1b[31mred\x1b[0m\x00") == "red"
    assert legible("x" * 5000).endswith("[and 3000 characters more]")


results = st.builds(
    lambda verdict, points: CheckResult(
        id="c", title="t", points=points, earned=earned(verdict, points), verdict=verdict
    ),
    st.sampled_from(Verdict),
    st.integers(0, 10),
)


@given(st.lists(results, max_size=6))
def test_the_score_is_fair(checks):
    found = score(checks)
    assert 0 <= found["score"] <= found["max_score"]
    without_errors = [c for c in checks if c.verdict is not Verdict.ERROR]
    assert score(without_errors)["percent"] == found["percent"]
    assert found["passed"] == (bool(checks) and {c.verdict for c in checks} == {Verdict.PASS})
    if found["passed"] and found["max_score"]:
        assert found["percent"] == 100


def test_importing_the_graders_needs_nothing_heavy():
    heavy = "'kubernetes', 'matplotlib', 'numpy', 'pytest', '_pytest', 'jinja2', 'prometheus_client', 'cryptography'"
    code = f"import sys, vlab.grading, vlab.report; print([m for m in ({heavy}) if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
