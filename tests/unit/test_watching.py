"""`vlab watch` without a cluster: what is shown fits, what turned is told once, the terminal is as it was."""

import json
import os
import pty
import queue
import select
import signal
import subprocess
import sys
import termios
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from vlab import catalog, locks
from vlab.errors import Exit, LabError
from vlab.grading.check import Check
from vlab.grading.load import checks_in
from vlab.grading.views import collectors, needing_load
from vlab.model import CheckResult, Verdict
from vlab.watching import follow, picture
from vlab.watching.follow import Until, as_log
from vlab.watching.looker import MOST_S, QUIET_S, Pending
from vlab.watching.state import State, as_json, changes, line


def result(id, verdict):
    verdict = Verdict(verdict)
    given = {"title": f"The title of {id}", "points": 1, "earned": 0}
    if verdict is Verdict.FAIL:
        given |= {"expected": "one", "actual": "two", "help": "look there"}
    if verdict in (Verdict.ERROR, Verdict.SKIP):
        given |= {"reason": f"of {verdict}"}
    return CheckResult(id=id, verdict=verdict, **given)


def state(*verdicts, **more):
    return State(checks=tuple(result(f"c{n}", v) for n, v in enumerate(verdicts)), **more)


def text(*arguments, **how):
    return "\n".join(each.plain for each in picture.lines(*arguments, **how))


# What is shown

words = st.text(max_size=300)
results = st.builds(
    CheckResult,
    id=st.text(min_size=1, max_size=40),
    title=words,
    points=st.integers(0, 5),
    earned=st.just(0),
    verdict=st.sampled_from(Verdict),
    expected=words,
    actual=words,
    help=words,
    reason=words,
)
states = st.builds(
    State,
    checks=st.lists(results, max_size=40).map(tuple),
    with_load=st.frozensets(st.text(max_size=3)),
    moving=words,
    doing=words,
    problem=words,
)


@given(states, words, st.integers(1, 200), st.integers(1, 60), st.booleans())
def test_no_picture_is_larger_than_the_terminal(shown, title, width, height, asking):
    drawn = picture.lines(shown, title, width, height, asking=asking)
    assert len(drawn) <= height
    for each in drawn:
        assert cell_len(each.plain) <= width
        assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in each.plain)


@given(states, st.integers(40, 200), st.integers(10, 60))
def test_the_tally_and_the_keys_are_always_there(shown, width, height):
    drawn = [each.plain for each in picture.lines(shown, "title", width, height)]
    assert drawn[-1] == picture.KEYS
    assert drawn[1].startswith(f"{sum(c.verdict is Verdict.PASS for c in shown.checks)} of ") or not shown.checks


def test_with_room_every_check_has_its_line_and_a_fail_its_explanation():
    drawn = text(state("pass", "fail", "skip", "error"), "t", 80, 24)
    assert "✓ The title of c0" in drawn
    assert "✗ The title of c1\n    expected: one\n    found: two\n    help: look there" in drawn
    assert "- The title of c2  of skip" in drawn
    assert "? The title of c3\n    because: of error" in drawn


def test_without_room_what_passes_is_a_count_then_what_waits_then_no_explanation():
    many = state(*["pass"] * 21, "fail", *["skip"] * 4)
    assert "✓ 21 checks pass\n✗ The title of c21\n    expected: one" in text(many, "t", 80, 24)
    assert "- The title of c22" in text(many, "t", 80, 24)
    assert "- 4 checks wait for another one\n✗" in text(many, "t", 80, 14)
    assert "expected" not in text(many, "t", 80, 10)
    assert "✗ The title of c21" in text(many, "t", 80, 10)


def test_what_still_does_not_fit_is_counted():
    assert "✗ The title of c2\n... and 17 more" in text(state(*["fail"] * 20), "t", 80, 10)


def test_a_check_that_waits_for_load_is_no_error():
    waits = state("error", "error", with_load=frozenset({"c0"}))
    assert "· The title of c0  graded with load\n? The title of c1" in text(waits, "t", 80, 24)
    assert waits.in_doubt
    assert not state("pass", "error", with_load=frozenset({"c1"})).in_doubt


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"moving": "p is starting"}, "still moving: p is starting"),
        ({"doing": "asking the model"}, "looking: asking the model"),
        ({"problem": "the API server does not answer", "moving": "x"}, "the API server does not answer"),
        ({}, "nothing moves"),
    ],
)
def test_what_happens_now_is_one_line(now, said):
    assert text(state("pass", **now), "t", 80, 24).splitlines()[-2].startswith(said)


def test_a_reset_is_asked_about():
    assert text(state("pass"), "t", 80, 24, asking=True).endswith(picture.ASKING)


# What turned


def test_only_what_turned_is_told():
    before, after = state("fail", "pass", "skip"), state("pass", "pass", "pass")
    assert [(c.result.id, c.was) for c in changes(before, after)] == [("c0", "fail"), ("c2", "skip")]
    assert [c.was for c in changes(State(), before)] == ["", "", ""]
    assert changes(after, replace(after, moving="x")) == []


@given(results, st.sampled_from(["", *map(str, Verdict)]), st.booleans())
def test_a_line_of_the_log_is_one_line_without_control_characters(found, was, with_load):
    told = line(follow.Change(found, was, with_load))
    assert told.isprintable()
    assert len(json.dumps(as_json(follow.Change(found, was, with_load))).splitlines()) == 1


def test_a_line_says_what_was_and_why():
    (change,) = changes(state("pass"), state("fail"))
    assert line(change) == "✗ c0: fail (was pass): The title of c0; two"
    (change,) = changes(State(), state("error", with_load=frozenset({"c0"})))
    assert line(change) == "? c0: graded with load: The title of c0"
    assert as_json(change)["reason"] == "graded with load"


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (["pass", "pass"], Exit.OK),
        (["pass", "fail", "error"], Exit.CHECKS_FAILED),
        (["pass", "error"], Exit.GRADER),
        ([], Exit.GRADER),
    ],
)
def test_it_ends_as_a_grading_would(verdicts, code):
    assert state(*verdicts).code is code


# Which checks want a load


def check(id, *needs, reads="objects"):
    function = eval(f"lambda {reads}: None")  # noqa: S307
    return Check(id, id, 1, needs, "", function)


def test_what_reads_a_load_and_what_needs_such_a_check_wants_one(monkeypatch):
    found = [check("a"), check("b", reads="stream"), check("c", "b"), check("d", "a"), check("e", "c")]
    assert collectors(found[1]) == {"stream"}
    assert needing_load(found) == {"b", "c", "e"}


@pytest.mark.parametrize("scenario", catalog.scenarios().values(), ids=lambda s: s.id)
def test_what_is_left_out_of_a_look_is_read_by_no_check(scenario):
    read = frozenset().union(*map(collectors, checks_in(*scenario.graders)))
    assert read <= set(scenario.collect)


# When it is looked at


def test_it_is_looked_at_after_a_quiet_and_not_later_than_the_longest_wait():
    pending = Pending()
    assert pending.due is None
    pending.changed(10.0)
    assert pending.due == 10.0 + QUIET_S
    for tenth in range(1, 60):
        pending.changed(10.0 + tenth / 10)
    assert pending.due == 10.0 + MOST_S
    assert Pending(again=7.0).due == 7.0


def test_a_lock_is_asked_about_and_left_as_it_is(tmp_path):
    assert not locks.held(tmp_path)
    with locks.locked(tmp_path, "testing"):
        assert locks.held(tmp_path)
    assert not locks.held(tmp_path)
    assert not locks.held(tmp_path / "nowhere")


# The log


def news(*items):
    found = queue.SimpleQueue()
    for each in items:
        found.put(each)
    return found


def test_the_log_ends_as_soon_as_all_pass_and_not_before(capsys):
    told = []
    states = [state("fail", problem="[x] not now"), state("fail"), state("pass"), state("fail")]
    ended = as_log(news(*states), Until(passed=True), told.append)
    assert (ended.why, ended.code) == ("passed", 0)
    assert [str(c.result.verdict) for c in told] == ["fail", "pass"]
    assert capsys.readouterr().err == "[x] not now\n"


def test_the_log_ends_in_time_with_what_was_last():
    ended = as_log(news(state("pass"), state("fail")), Until(end=time.monotonic() + 0.1), lambda _: None)
    assert (ended.why, ended.code) == ("timeout", 1)


def test_the_log_ends_with_what_ends_the_looking():
    with pytest.raises(LabError, match="refused"):
        as_log(news(state("pass"), LabError("refused", "x")), Until(), lambda _: None)


# The terminal

PROGRAM = """
import queue, sys
from rich.console import Console
from vlab.model import CheckResult
from vlab.watching.follow import Screen, Until
from vlab.watching.state import State
from vlab.watching.terminal import Terminal

def bad():
    raise ValueError("as a bug would")

terminal, news = Terminal(Console()), queue.SimpleQueue()
news.put(State(tuple(CheckResult(id=f"c{n}", title="t" * 300, points=1, earned=0, verdict="fail") for n in range(30))))
commands = {"h": lambda: print("A HINT"), "g": bad, "r": lambda: print("RESET DONE")}
try:
    print("ENDED", Screen("title", terminal, commands).follow(news, Until()).why)
except KeyboardInterrupt:
    sys.exit(130)
"""
OTHER_SCREEN, BACK = b"\x1b[?1049h", b"\x1b[?1049l"


class Session:
    """The program on a pseudo-terminal of 80x24, as a learner has it."""

    def __init__(self):
        self.ours, theirs = pty.openpty()
        termios.tcsetwinsize(self.ours, (24, 80))
        self.before = termios.tcgetattr(theirs)
        env = {**os.environ, "TERM": "xterm-256color"}
        env = {k: v for k, v in env.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True
        )
        self.theirs = theirs
        self.seen = b""

    def until(self, text, seconds=20.0):
        """Read until a text is there; forget what was read up to it."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            ready, _, _ = select.select([self.ours], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"{text!r} did not come; there is {self.seen[-2000:]!r}"
            self.seen += os.read(self.ours, 1 << 16)
        before, self.seen = self.seen.split(text, 1)
        return before

    def press(self, keys):
        os.write(self.ours, keys)

    def is_as_before(self):
        return termios.tcgetattr(self.theirs) == self.before


@pytest.fixture
def session():
    found = Session()
    found.until(picture.KEYS.encode())
    yield found
    found.process.kill()
    found.process.wait()
    os.close(found.ours)
    os.close(found.theirs)


def test_q_ends_it_and_leaves_the_tally(session):
    assert not session.is_as_before()
    session.press(b"q")
    session.until(BACK)
    session.until(b"0 of 30 checks passed")
    session.until(b"ENDED quit")
    assert session.process.wait(10) == 0
    assert session.is_as_before()


def test_an_interrupt_leaves_the_terminal_as_it_was(session):
    session.process.send_signal(signal.SIGINT)
    session.until(BACK)
    assert session.process.wait(10) == 130
    assert session.is_as_before()


def test_an_error_leaves_the_terminal_as_it_was(session):
    session.press(b"g")
    session.until(BACK)
    session.until(b"as a bug would")
    assert session.process.wait(10) == 1
    assert session.is_as_before()


def test_a_hint_is_shown_where_it_stays_and_enter_goes_back(session):
    session.press(b"\x1b[A")
    session.press(b"h")
    session.until(BACK)
    session.until(b"A HINT")
    session.until(b"Enter goes back")
    assert session.is_as_before()
    session.press(b"\n")
    session.until(OTHER_SCREEN)
    session.until(picture.KEYS.encode())
    assert not session.is_as_before()


def test_a_reset_is_done_only_after_a_yes(session):
    session.press(b"r")
    session.until(picture.ASKING.encode())
    session.press(b"n")
    session.until(picture.KEYS.encode())
    session.press(b"r")
    session.until(picture.ASKING.encode())
    session.press(b"y")
    assert b"RESET DONE" not in session.until(BACK)
    session.until(b"RESET DONE")


def test_it_is_drawn_anew_when_the_window_changes(session):
    termios.tcsetwinsize(session.ours, (12, 50))
    session.process.send_signal(signal.SIGWINCH)
    session.until(b"... and 25 more")
    session.until(picture.KEYS.encode())


def test_it_can_be_stopped_and_goes_on(session):
    session.process.send_signal(signal.SIGTSTP)
    session.until(BACK)
    stopped, status = os.waitpid(session.process.pid, os.WUNTRACED)
    assert (stopped, os.WIFSTOPPED(status)) == (session.process.pid, True)
    assert session.is_as_before()
    session.process.send_signal(signal.SIGCONT)
    session.until(OTHER_SCREEN)
    session.until(picture.KEYS.encode())
