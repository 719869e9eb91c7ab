"""Kept evidence is graded anew: what changed is told, what was there is kept, and one bad folder stops no other."""

import json

import pytest

import classes
from vlab import __version__, cli
from vlab.classroom import regrade
from vlab.errors import Exit
from vlab.model import Report


@pytest.fixture
def room(tmp_path, monkeypatch):
    monkeypatch.setenv("VLAB_STATE", str(tmp_path))
    return classes.made()


def older(folder, **known):
    """As if an older vlab, whose graders were otherwise, had graded it: the last check failed."""
    file = folder / "report.json"
    report = Report.model_validate_json(file.read_bytes())
    from vlab.grading.score import score
    from vlab.model import Verdict

    last = report.checks[-1].model_copy(
        update={"verdict": Verdict.FAIL, "earned": 0, "expected": "more", "actual": "less", "reason": ""}
    )
    checks = (*report.checks[:-1], last)
    report = report.model_copy(update={"vlab": "0.0.1", "checks": checks, **score(checks), **known})
    file.write_text(report.model_dump_json(indent=2))
    return report


def run(room, **known):
    noted = []
    given = {"write": True, **known}
    done = regrade.regrade(room.of, classes.attempts(room), lambda n, of: noted.append((n, of)), **given)
    assert noted == [(n, len(done)) for n in range(1, len(done) + 1)]
    return done


def report_of(folder):
    return Report.model_validate_json((folder / "report.json").read_bytes())


def test_what_changed_is_told_and_the_report_before_is_kept(room):
    folder = room.grade(room.learner(), "solved")
    before = older(folder)
    (done,) = run(room)
    (change,) = done.changes
    assert (change.check, change.before.verdict, change.after.verdict) == (before.checks[-1].id, "fail", "pass")
    assert change.before.words == "more; found: less"
    assert (done.before, done.after, done.written, done.refused) == (before.percent, 100.0, True, ())
    assert report_of(folder).passed and report_of(folder).vlab == __version__
    (kept,) = folder.glob("report-0.0.1-*.json")
    assert Report.model_validate_json(kept.read_bytes()) == before
    assert (folder / "report.xml").is_file()


def test_again_changes_nothing(room):
    folder = room.grade(room.learner())
    older(folder)
    run(room)
    files = {f.name: f.read_bytes() for f in folder.glob("*.*")}
    (done,) = run(room)
    assert (done.changes, done.written) == ((), False)
    assert {f.name: f.read_bytes() for f in folder.glob("*.*")} == files


def test_one_that_was_interrupted_before_the_new_report_was_there_loses_nothing(room):
    folder = room.grade(room.learner())
    before = older(folder)
    regrade._keep(folder / "report.json", before)
    run(room)
    (kept,) = folder.glob("report-0.0.1-*.json")
    assert Report.model_validate_json(kept.read_bytes()) == before


def test_two_reports_of_one_name_are_both_kept(room):
    folder = room.grade(room.learner())
    older(folder)
    run(room)
    older(folder, title="another")
    run(room)
    assert len([*folder.glob("report-0.0.1-*.json")]) == 2


def test_a_dry_run_tells_the_same_and_writes_nothing(room):
    folder = room.grade(room.learner())
    before = older(folder)
    (done,) = run(room, write=False)
    assert len(done.changes) == 1 and not done.written
    assert report_of(folder) == before and not [*folder.glob("report-*.json")]


def test_a_bad_folder_is_named_and_stops_no_other(room):
    first, second, third = (room.grade(room.learner(number)) for number in range(3))
    for folder in (first, second, third):
        older(folder)
    (first / "evidence" / "objects.json").write_text("{")
    (second / "evidence" / "evidence.json").unlink()
    done = run(room)
    assert [bool(each.refused) for each in done] == [True, True, False]
    assert "objects.json" in done[0].refused[0] and "cannot be read" in done[1].refused[0]
    assert done[2].written and report_of(first).vlab == report_of(second).vlab == "0.0.1"


def test_what_is_signed_and_still_no_evidence_is_left_too(room):
    from vlab.evidence import seal

    folder = room.grade(room.learner())
    (folder / "evidence" / "objects.json").write_text("{}")
    seal.close(folder / "evidence", seal.own_key())
    file = folder / "report.json"
    from vlab.evidence import Evidence

    said = json.loads(file.read_text()) | {"evidence": Evidence(folder / "evidence").digest}
    file.write_text(json.dumps(said))
    (done,) = run(room)
    assert "could not be graded" in done.refused[0]


def test_evidence_that_cannot_be_believed_is_not_graded(room):
    folder = room.grade(room.learner(), signed=False)
    before = older(folder)
    (done,) = run(room)
    assert done.refused == ("the evidence is unsigned",)
    assert report_of(folder) == before


def test_a_report_that_was_changed_is_told_by_its_evidence(room):
    folder = room.grade(room.learner(), "wrong-restart-only")
    right = report_of(folder)
    older(folder, vlab=__version__)
    (done,) = run(room, write=False)
    assert "the report was changed" in done.differs
    run(room)
    assert report_of(folder).model_copy(update={"graded_at": right.graded_at}) == right


def test_checks_that_are_new_or_gone():
    from datetime import UTC, datetime

    def report(*checks):
        from vlab.model import CheckResult

        made = [CheckResult(id=i, title=i, points=1, earned=1, verdict="pass") for i in checks]
        known = {"vlab": "1", "scenario": "s", "title": "", "learner": "l", "parameters": {}, "cluster": {}}
        times = dict.fromkeys(("recorded", "graded_at"), datetime(2026, 1, 1, tzinfo=UTC))
        figures = {"score": 1, "max_score": 1, "percent": 100.0, "passed": True}
        return Report(**known, **times, evidence="", seal="", checks=tuple(made), **figures)

    found = [*regrade.changes(report("a", "b"), report("b", "c"))]
    assert [(c.check, c.before.verdict, c.after.verdict) for c in found] == [("a", "pass", ""), ("c", "", "pass")]


def test_by_the_command_line(room, capsys):
    folder = room.grade(room.learner(0))
    room.grade(room.learner(1), signed=False)
    older(folder)
    assert cli.run(["class", "regrade", "--dry-run", "--json", "-l", room.learner(0).key]) == Exit.OK
    (row,) = json.loads(capsys.readouterr().out)
    assert row["changes"] and not row["written"]
    assert cli.run(["class", "regrade", "shm-missing"]) == Exit.GRADER
    shown = capsys.readouterr()
    assert "fail → pass" in shown.out and "unsigned" in shown.err
    assert cli.run(["class", "regrade", "no-such"]) == Exit.USAGE


def test_verify_by_the_command_line(room, capsys):
    honest = room.grade(room.learner(0))
    assert cli.run(["class", "verify"]) == Exit.OK
    assert capsys.readouterr().out == ""
    forged = room.grade(room.learner(1), "wrong-restart-only")
    older(forged, vlab=__version__)
    assert cli.run(["class", "verify", "--seals-only"]) == Exit.OK
    assert cli.run(["class", "verify", "--json"]) == Exit.CHECKS_FAILED
    rows = json.loads(capsys.readouterr().out)
    assert [len(row["findings"]) for row in rows] == [0, 1]
    assert report_of(honest).passed
