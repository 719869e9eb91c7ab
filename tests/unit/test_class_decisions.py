"""What the rubric is unsure about is listed, decided by a person, counted, and becomes a labelled text."""

import json

import pytest
import yaml

import classes
from rubric import CRITERIA, read
from vlab import cli
from vlab.classroom import decisions, gradebook
from vlab.errors import Exit, LabError
from vlab.model import Verdict

UNSURE = """# Recommendation

## Observed signal
The log says `insufficient space in /dev/shm`, and the restart count of the pod rises.

## Interpretation
Start-up pressure: the engine's processes have too little shared memory.

## Change
I would set `--ipc-arena-scale=4` on the engine.

## Validation
Roll it out again under the same load; the number of restarts stays where it is, and the pod gets ready.
"""
FRENCH = """Le journal dit que la mémoire partagée est trop petite pour le moteur, et le pod redémarre sans cesse.
Je propose de monter un volume en mémoire plus grand, et de regarder si le pod reste prêt après cela."""


@pytest.fixture
def room(tmp_path, monkeypatch):
    monkeypatch.setenv("VLAB_STATE", str(tmp_path))
    return classes.made()


def written(room, number=0, text=UNSURE, **known):
    room.grade(room.learner(number), "faulty", answers={"recommendation.md": text}, **known)
    return classes.attempts(room)[-1]


def only(room):
    (attempt,) = classes.attempts(room)
    return attempt


def test_what_is_unsure_is_listed_with_the_words_that_decided_it(room):
    attempt = written(room)
    (case,) = decisions.unsure([attempt], ())
    assert (case.criterion, case.written, case.decision) == ("change-acts", "recommendation", None)
    assert "--ipc-arena-scale=4" in case.said
    assert case.file.read_text() == UNSURE


def test_what_no_rubric_judged_is_not_listed(room):
    room.grade(room.learner(), "faulty")
    assert decisions.unsure(classes.attempts(room), ()) == []


@pytest.mark.parametrize(("verdict", "earned"), [("pass", 2), ("fail", 0)])
def test_a_decision_is_in_the_score_and_the_report_stays_as_it_is(room, verdict, earned):
    attempt = written(room)
    before = (attempt.folder / "report.json").read_bytes()
    made = decisions.decide(attempt, "change_acts", verdict, "it is a flag of our own engine")
    decisions.keep(room.of, made)
    assert decisions.kept(room.of) == (made,)
    (was,), (now,) = attempt.report.apart, decisions.with_decisions(attempt, [made]).report.apart
    assert (now.score, now.max_score) == (was.score + earned, was.max_score + 2)
    (check,) = [c for c in now.checks if c.id == "change-acts"]
    assert (
        check.verdict is Verdict(verdict) and check.reason == "decided by the teacher: it is a flag of our own engine"
    )
    assert (attempt.folder / "report.json").read_bytes() == before
    (entry,) = gradebook.of_class(room.of).rows[0].entries
    assert entry.apart["recommendation"].score == now.score
    assert "decided by the teacher" in entry.decisions[0] and made.because in entry.decisions[0]


def test_a_decision_says_nothing_about_other_evidence(room):
    made = decisions.decide(written(room), "change-acts", "pass", "yes")
    later = written(room, minutes=60)
    assert later.report.evidence != made.evidence
    assert decisions.with_decisions(later, [made]) is later
    assert [case.decision for case in decisions.unsure([later], [made])] == [None]


def test_what_is_listed_and_decided_is_the_grading_that_counts(room, capsys):
    counts = written(room)
    room.grade(counts.learner, "solved", answers={"recommendation.md": UNSURE}, minutes=60, signed=False)
    assert cli.run(["class", "unsure", "--json"]) == Exit.OK
    (case,) = json.loads(capsys.readouterr().out)
    assert case["file"].startswith(str(counts.folder))
    decision = ("change-acts", "pass", "--because", "it is a flag of our own engine")
    assert cli.run(["class", "decide", counts.learner.slug, "shm-missing", *decision]) == Exit.OK
    (entry,) = gradebook.of_class(room.of).rows[0].entries
    assert entry.refused == 1 and len(entry.decisions) == 1


def test_another_mind_replaces_the_first(room):
    attempt = written(room)
    for verdict in ("fail", "pass"):
        decisions.keep(room.of, decisions.decide(attempt, "change-acts", verdict, "because"))
    assert [d.verdict for d in decisions.kept(room.of)] == ["pass"]


@pytest.mark.parametrize(
    ("criterion", "because", "words"),
    [
        ("no-such", "yes", "has no criterion"),
        ("pods-ready", "yes", "has no criterion"),
        ("no-veto", "yes", "is not unsure about"),
        ("change-acts", "  ", "needs its reason"),
    ],
)
def test_what_cannot_be_decided(room, criterion, because, words):
    attempt = written(room)
    with pytest.raises(LabError, match=words) as refused:
        decisions.decide(attempt, criterion, "pass", because)
    assert refused.value.hint


def test_a_file_of_decisions_that_cannot_be_read_is_said(room):
    (room.of.folder / "decisions.json").write_text('{"decisions": [{}]}')
    with pytest.raises(LabError, match="cannot be read"):
        decisions.kept(room.of)


def test_a_decided_case_becomes_a_labelled_text(room, tmp_path):
    attempt = written(room)
    made = decisions.decide(attempt, "change-acts", "fail", "no engine has this flag")
    (file,) = decisions.export(decisions.unsure([attempt], [made]), tmp_path / "cases")
    (found,) = read(tmp_path / "cases")
    assert tuple(found.labels) == CRITERIA
    assert found.labels["change_acts"] is False and found.labels["no_veto"] is True and not found.passes
    assert found.scenario == "shm-missing" and "no engine has this flag" in found.why
    assert UNSURE.strip() == found.text and "text: |" in file.read_text()
    assert attempt.learner.slug not in file.read_text()


def test_a_text_in_another_language_can_be_decided_criterion_by_criterion(room, tmp_path):
    attempt = written(room, text=FRENCH)
    cases = decisions.unsure([attempt], ())
    assert len(cases) == len(CRITERIA)
    made = [decisions.decide(attempt, case.criterion, "pass", "I read French") for case in cases]
    (now,) = decisions.with_decisions(attempt, made).report.apart
    assert now.passed and now.percent == 100.0
    decisions.export(decisions.unsure([attempt], made), tmp_path)
    (found,) = read(tmp_path)
    assert found.passes


def test_numbers_of_the_run_become_placeholders(room):
    from vlab import rubric
    from vlab.classroom.trust import evidence_of

    evidence = evidence_of(written(room))
    figures = rubric.figures(evidence)
    name = next(n for n, v in figures.items() if len(str(v)) > 1 and [*map(str, figures.values())].count(str(v)) == 1)
    text = f"It says {figures[name]} there, not 9{figures[name]}."
    assert decisions.with_placeholders(text, evidence) == f"It says {{{{{name}}}}} there, not 9{figures[name]}."


def test_by_the_command_line(room, tmp_path, capsys):
    attempt = written(room)
    assert cli.run(["class", "unsure", "--json"]) == Exit.OK
    (row,) = json.loads(capsys.readouterr().out)
    given = [row["learner"], row["exercise"], row["criterion"], "pass", "--because", "a flag of our own"]
    assert cli.run(["class", "decide", *given]) == Exit.OK
    capsys.readouterr()
    assert cli.run(["class", "unsure"]) == Exit.OK
    assert capsys.readouterr().out == ""
    assert cli.run(["class", "unsure", "--all"]) == Exit.OK
    assert "pass, decided by the teacher" in capsys.readouterr().out
    assert cli.run(["class", "unsure", "--export", str(tmp_path / "out")]) == Exit.OK
    assert yaml.safe_load(
        (tmp_path / "out" / f"shm-missing-recommendation-{attempt.report.evidence[:12]}.yaml").read_text()
    )
    assert cli.run(["class", "decide", "nobody", "shm-missing", "change-acts", "pass", "--because", "x"]) == Exit.USAGE
    bo = room.learner(1).slug
    assert cli.run(["class", "decide", bo, "shm-missing", "change-acts", "pass", "--because", "x"]) == Exit.USAGE
