"""What speaks against a grading is found, and named; of an honest one nothing is said."""

import json
import shutil
from datetime import timedelta

import pytest

import classes
from vlab.classroom import trust
from vlab.evidence import seal
from vlab.runs import Begun


@pytest.fixture
def room(tmp_path, monkeypatch):
    monkeypatch.setenv("VLAB_STATE", str(tmp_path))
    return classes.made()


def said(room, folder, key=None):
    return trust.every(classes.attempts(room), room.of, key)[folder]


def only(room, folder, words, key=None):
    (found,) = said(room, folder, key)
    assert words in found


def test_honest_gradings_have_nothing_against_them(room):
    first = room.grade(room.learner(0))
    second = room.grade(room.learner(0), "wrong-restart-only", minutes=60)
    other = room.grade(room.learner(1))
    assert trust.every(classes.attempts(room), room.of) == {first: (), second: (), other: ()}


def test_a_namespace_that_a_reset_made_anew_is_still_this_runs(room):
    folder = room.grade(room.learner())
    room.start(room.learner(), namespace_uid="another")
    assert said(room, folder) == ()


def test_unsigned(room):
    only(room, room.grade(room.learner(), signed=False), "unsigned")


def test_evidence_that_was_changed_names_the_file(room):
    folder = room.grade(room.learner())
    objects = folder / "evidence" / "objects.json"
    objects.write_bytes(objects.read_bytes() + b"\n")
    found = said(room, folder)
    assert any("changed after it was recorded" in each and "objects.json" in each for each in found)
    assert any("other evidence" in each for each in found)


def test_signed_by_another_key_than_the_teachers(room, tmp_path):
    folder = room.grade(room.learner())
    seal.make_key(tmp_path / "other")
    only(room, folder, "not the teacher's key", tmp_path / "other" / "vlab.pub")
    seal.close(folder / "evidence", seal.private_key(tmp_path / "other" / "vlab.key"))
    only(room, folder, "not the teacher's key")
    assert said(room, folder, tmp_path / "other" / "vlab.pub") == ()


def test_another_learners_folder_is_found_in_both_places(room):
    folder = room.grade(room.learner(0))
    run = room.start(room.learner(1))
    copied = run.folder / "gradings" / folder.name
    shutil.copytree(folder, copied)
    ana, bo = room.learner(0).slug, room.learner(1).slug
    assert [f"is {ana}'s, and lies in {bo}'s" in " ".join(said(room, copied)), len(said(room, copied))] == [True, 3]
    assert any("challenge" in each for each in said(room, copied))
    only(room, folder, f"lies in another place too: {bo}, shm-missing")


def test_a_folder_copied_within_ones_own_is_there_twice(room):
    folder = room.grade(room.learner())
    shutil.copytree(folder, folder.with_name("29990101T000000000000Z"))
    only(room, folder, "another place too")


def test_an_older_folder_in_a_run_that_is_not_its_own(room):
    folder = room.grade(room.learner())
    room.start(room.learner(), started=classes.STARTED + timedelta(hours=5), challenge="new")
    (found,) = said(room, folder)
    assert "challenge of any run" in found


def test_a_grading_of_a_run_that_was_given_up_is_honest(room):
    run = room.start(room.learner())
    folder = room.grade(room.learner(), run=run)
    later = classes.STARTED + timedelta(hours=5)
    room.start(room.learner(), started=later, challenge="new", earlier=run.begun)
    assert said(room, folder) == ()
    room.start(room.learner(), started=later, challenge="new", earlier=(Begun(challenge=run.challenge, started=later),))
    assert ["before its run began" in each for each in said(room, folder)] == [True]


def test_of_before_the_class(room):
    before = classes.CREATED - timedelta(days=1)
    folder = room.grade(room.learner())
    attempt = classes.attempts(room)[0]
    known = trust.read(attempt)
    earlier = trust.Known(known.header.model_copy(update={"started": before}), known.digest, known.seal, known.trusted)
    found = trust.findings(attempt, earlier, trust.run_of(attempt), room.of)
    assert any("before the class was made" in each for each in found)
    assert folder == attempt.folder


def test_of_another_exercise_namespace_or_cluster(room):
    folder = room.grade(room.learner(), scenario="four-gpu-pending")
    assert any("of four-gpu-pending, and lies in the folder of shm-missing" in each for each in said(room, folder))
    bo = room.learner(1)
    run = room.start(bo, challenge="")
    only(room, room.grade(bo, run=run, namespace_uid="x"), "another namespace")
    run = room.start(room.learner(2))
    folder = room.grade(room.learner(2), run=run, cluster={"uid": "x"})
    only(room, folder, "another cluster")


def test_a_run_whose_record_is_gone(room):
    folder = room.grade(room.learner())
    (folder.parent.parent / "run.json").unlink()
    only(room, folder, "record of the run cannot be read")


def test_evidence_that_cannot_be_read_is_said_and_the_others_are_looked_at(room):
    folder = room.grade(room.learner(0))
    other = room.grade(room.learner(1))
    (folder / "evidence" / "evidence.json").write_text("{")
    only(room, folder, "cannot be read")
    assert said(room, other) == ()


def change(folder, **known):
    file = folder / "report.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | known))


def test_a_score_that_its_checks_do_not_make(room):
    folder = room.grade(room.learner(), "wrong-restart-only")
    change(folder, score=99, percent=100.0)
    only(room, folder, "its checks make")


def test_a_report_of_other_evidence_or_of_another_time(room):
    folder = room.grade(room.learner())
    change(folder, recorded="2026-11-01T10:00:00Z")
    only(room, folder, "names another exercise, learner or time")
    change(folder, evidence="0" * 64)
    only(room, folder, "other evidence")


def test_a_report_whose_checks_were_changed_differs_from_what_its_evidence_gives(room):
    room.grade(room.learner(0), "wrong-restart-only")
    room.grade(room.learner(1), "solved")
    wrong, right = classes.attempts(room)
    assert trust.differs(wrong.report, wrong.report) == ""
    forged = right.report.model_copy(update={"learner": wrong.report.learner})
    words = trust.differs(forged, wrong.report)
    assert f"it says {forged.score} of {forged.max_score} points" in words
    assert trust.differs(forged.model_copy(update={"vlab": "0.0.1"}), wrong.report) == ""
