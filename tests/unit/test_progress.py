"""Progress: told from the journal, whatever became of runs and labs; a damaged line costs that line alone."""

import json
import os
import re
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlab import catalog, cli, journal, quiz, runs
from vlab.cli import grade as grading
from vlab.cluster import lab as labs
from vlab.cluster.containers import Engine
from vlab.deployment import rendered
from vlab.errors import Exit
from vlab.evidence import load
from vlab.grading import grade
from vlab.journal import Answered, Explained, Graded, Hint, Solution, Started
from vlab.progress import answers, exercise_progress, topic_progress, waiting

SCENARIO = catalog.scenario("four-gpu-pending")
T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("VLAB_STATE", str(tmp_path / "state"))


def at(minutes):
    return T0 + timedelta(minutes=minutes)


def graded(minutes, percent, *, passed=False, started=0, scenario=SCENARIO.id):
    return Graded(at=at(minutes), scenario=scenario, started=at(started), passed=passed, percent=percent)


def told(*events):
    return exercise_progress(SCENARIO, events)


# What is told


def test_nothing_was_done():
    found = told()
    assert (found.state, found.best_percent, found.minutes, found.hints, found.solution) == ("open", None, None, 0, "")


def test_a_start_is_a_beginning():
    assert told(Started(at=T0, scenario=SCENARIO.id)).state == "begun"


def test_another_scenario_is_another_matter():
    assert told(Started(at=T0, scenario="x"), graded(1, 100.0, passed=True, scenario="x")).state == "open"


def test_the_best_score_and_the_first_pass_count():
    found = told(
        graded(5, 40.0),
        graded(8, None),
        graded(12.5, 100.0, passed=True),
        graded(60, 30.0),
        graded(90, 100.0, passed=True),
    )
    assert (found.state, found.best_percent, found.gradings, found.minutes) == ("done", 100.0, 5, 12.5)


def test_a_full_score_with_something_untold_is_not_done():
    assert told(graded(5, 100.0)).state == "begun"


def test_minutes_are_those_of_the_run_that_passed():
    assert told(graded(5, 10.0), graded(2000, 100.0, passed=True, started=1990)).minutes == 10.0


def test_hints_are_the_most_that_were_seen_in_one_run():
    hints = [Hint(at=at(n), scenario=SCENARIO.id, number=k) for n, k in enumerate([1, 2, 3, 1])]
    assert told(*hints).hints == 3


@pytest.mark.parametrize(("minutes", "word"), [(5, "before"), (10, "before"), (11, "after")])
def test_whether_the_solution_was_seen_before_passing(minutes, word):
    solved = Solution(at=at(minutes), scenario=SCENARIO.id)
    assert told(graded(10, 100.0, passed=True), solved).solution == word
    assert told(solved).solution == "before"


def test_the_last_answer_to_an_item_counts():
    events = [Answered(item="a", right=True), Explained(item="b"), Answered(item="a", right=False)]
    assert answers(events) == {"a": False, "b": None}


def test_a_topic():
    topic = quiz.topic("requests")
    first, second, third, *_ = (i.id for i in topic.items)
    events = [Answered(item=first, right=True), Answered(item=second, right=False), Explained(item=third)]
    found = topic_progress(topic, events)
    assert (found.right, found.wrong, found.written, found.left) == (1, 1, 1, len(topic.items) - 3)
    assert waiting(topic.items, events) == [*topic.items[3:]]


# The journal

events = st.one_of(
    st.builds(Started, scenario=st.text(max_size=10)),
    st.builds(Hint, scenario=st.text(max_size=10), number=st.integers(0, 9)),
    st.builds(Answered, item=st.text(max_size=10), right=st.booleans()),
    st.builds(
        Graded,
        scenario=st.just("x"),
        started=st.just(T0),
        passed=st.booleans(),
        percent=st.none() | st.floats(0, 100, allow_nan=False),
    ),
)


@settings(max_examples=20, deadline=None)
@given(st.lists(events, max_size=8))
def test_what_is_appended_is_read(written):
    (journal.folder("me") / "journal.jsonl").unlink(missing_ok=True)
    for event in written:
        journal.append("me", event)
    assert journal.read("me").events == (*written,)


@pytest.mark.parametrize(
    "damage", [b"{", b"\xff\xfe\x00", b"[]", b"null", b'{"event": "x"}', b'{"event": "hint"}', b"\x00" * 512]
)
def test_a_damaged_line_costs_that_line_alone(capsys, damage):
    one, two = Started(at=T0, scenario=SCENARIO.id), Hint(at=T0, scenario=SCENARIO.id, number=2)
    journal.append("me", one)
    file = journal.read("me").file
    with file.open("ab") as opened:
        opened.write(damage)  # as a machine that lost power leaves it: no end of the line
    journal.append("me", two)
    found = journal.read("me")
    assert (found.events, found.unreadable) == ((one, two), (2,))

    assert cli.run(["progress", "--json"]) == Exit.OK
    out, err = capsys.readouterr()
    assert json.loads(out)["unreadable_lines"] == [2]
    row = next(s for s in json.loads(out)["exercises"] if s["id"] == SCENARIO.id)
    assert (row["state"], row["hints"]) == ("begun", 2)
    assert err.splitlines() == [f"{file}: damaged and left out: line 2; the rest counts"]


def test_lines_of_several_vlabs_at_once_are_whole():
    def many(learner):
        for n in range(20):
            journal.append(learner, Hint(scenario="x" * 50, number=n))

    threads = [threading.Thread(target=many, args=("me",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = journal.read("me")
    assert (len(found.events), found.unreadable) == (80, ())


def test_a_line_of_a_newer_vlab_with_more_in_it_is_read():
    journal.append("me", Started(at=T0, scenario="x"))
    file = journal.read("me").file
    file.write_text(file.read_text().replace("}", ', "more": 1}'))
    assert journal.read("me").events == (Started(at=T0, scenario="x"),)


def test_where_nothing_can_be_written_it_is_said_and_nothing_fails(capsys):
    folder = journal.folder("me")
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    journal.append("me", Started(at=T0, scenario="x"))
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1 and "not kept for `vlab progress`" in err and str(folder) in err


def test_a_journal_that_cannot_be_opened_is_an_error_with_a_cure(capsys):
    (journal.folder("me") / "journal.jsonl").mkdir(parents=True)
    assert cli.run(["progress"]) == Exit.MACHINE
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 2)
    assert "journal.jsonl" in err and "move it away" in err


# The commands


@pytest.fixture
def lab():
    made = labs.new("here", "kind-built", Engine("podman"), "cpu", 1, "kind-here").model_copy(update={"state": "ready"})
    made.save()
    return made


@pytest.fixture
def run(lab):
    begun = runs.Run(
        lab=lab.name,
        instance=lab.instance,
        scenario=SCENARIO.id,
        learner="me",
        namespace="n",
        parameters=SCENARIO.draw("me"),
        started=datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=7),
    )
    begun.save()
    made = rendered(lab, SCENARIO, "me", "n", begun.parameters)
    runs.write_whole(begun.wanted, made.model_dump_json())
    return begun


def progress(capsys):
    capsys.readouterr()
    assert cli.run(["progress", "--json"]) == Exit.OK
    return next(s for s in json.loads(capsys.readouterr().out)["exercises"] if s["id"] == SCENARIO.id)


def test_a_hint_is_counted_also_when_the_run_is_replaced(capsys, run):
    assert cli.run(["hint", SCENARIO.id, "--name", "here"]) == Exit.OK
    assert cli.run(["hint", SCENARIO.id, "--name", "here"]) == Exit.OK
    run.save()  # as `vlab start --replace` does: no hint seen yet
    assert cli.run(["hint", SCENARIO.id, "--name", "here"]) == Exit.OK
    assert progress(capsys)["hints"] == 2


def test_a_grading_is_kept_and_outlives_its_lab(capsys, monkeypatch, run, tmp_path):
    """The judging itself is not tested here: a recorded run stands in for what a cluster would give."""
    recorded = load(SCENARIO.recorded["solved"])
    report = grade(recorded, SCENARIO.graders, SCENARIO.title)
    monkeypatch.setattr("vlab.judgement.judge", lambda *_: (report, tmp_path))
    grading._live(SCENARIO, "here", "me", 1.0)
    before = progress(capsys)
    assert (before["state"], before["best_percent"], before["gradings"]) == ("done", 100.0, 1)
    assert 7 <= before["minutes"] < 8

    labs.find("here").folder.rename(tmp_path / "gone")  # as `vlab down --purge` leaves it
    assert progress(capsys) == before


def test_a_start_is_kept_once(capsys, monkeypatch, run):
    monkeypatch.setattr("vlab.begin.begin", lambda *_, **__: run)  # the same run each time: it goes on
    for _ in range(3):
        assert cli.run(["start", SCENARIO.id, "--name", "here"]) == Exit.OK
    assert len(journal.read("me").events) == 1
    assert progress(capsys)["state"] == "begun"


def test_a_solution_is_kept(capsys, monkeypatch, run):
    monkeypatch.setattr("vlab.exercise.reset", lambda *_: run)
    monkeypatch.setattr("vlab.scripts.run_script", lambda *_: None)
    assert cli.run(["solve", SCENARIO.id, "--name", "here"]) == Exit.OK
    assert progress(capsys)["solution"] == "before"


def test_progress_for_people(capsys):
    journal.append("me", graded(12, 100.0, passed=True))
    journal.append("me", Solution(at=at(3), scenario=SCENARIO.id))
    assert cli.run(["progress"]) == Exit.OK
    out, err = capsys.readouterr()
    row = next(line for line in out.splitlines() if line.startswith(SCENARIO.id))
    assert row.split() == [SCENARIO.id, "1", "done", "100%", "1", "seen", "before", "12"]
    assert re.match(r"1 of \d+ exercises done;", err)
    assert all(topic in out for topic in quiz.topics())


def test_the_journal_is_on_the_disk_before_a_command_goes_on(monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.fstat(fd).st_size))
    journal.append("me", Started(at=T0, scenario="x"))
    assert synced == [journal.read("me").file.stat().st_size]
