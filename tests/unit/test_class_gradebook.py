"""The gradebook of a class, and its exports as their importers read them.

Canvas: the file of its gradebook's import has the columns Student, ID, SIS User ID, SIS Login ID and Section in this
order, then assignments; a row whose first cell has "Points Possible" gives their points; a header needs "Student" in
its first cell and "ID" in its second; a user is found by ID, else by SIS User ID, else by SIS Login ID, else by name
(instructure/canvas-lms, lib/gradebook_importer.rb; "Importing a CSV File to Grades",
teaching.resources.osu.edu/toolsets/carmencanvas/guides/calculating-final-grades/import-csv-file-carmen-grades).

Moodle: columns are mapped to a user by id number, address or user name, whichever is chosen; a row in which that is
empty is skipped; a grade is a number of at most 100, and '-' is none (docs.moodle.org/en/Grade_import; moodle/moodle,
grade/import/csv/classes/load_data.php).
"""

import csv
import io
import json
import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import classes
from vlab import cli
from vlab.classroom import gradebook, gradebook_csv, gradebook_html
from vlab.classroom.gradebook import Entry, Gradebook, Mark, Row
from vlab.errors import Exit, LabError

HOSTILE = "=cmd|' /C calc'!A0"
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@pytest.fixture
def room(tmp_path, monkeypatch):
    monkeypatch.setenv("VLAB_STATE", str(tmp_path))
    return classes.made()


def mark(percent, **known):
    made = {"score": 7, "max_score": 8, "percent": percent, "passed": percent == 100.0}
    return Mark(**{**made, **known})


def book(*rows, ends=None):
    exercises = sorted({e.exercise for row in rows for e in row.entries})
    known = {"vlab": "0", "class_name": "c", "class_uid": "u", "made": classes.CREATED, "counts": "best"}
    return Gradebook(**known, ends=ends, exercises=tuple(exercises), rows=rows)


def row(percent=87.5, columns=None, name="Ana", **known):
    entry = Entry(exercise="shm-missing", mark=mark(percent), attempts=1, **known)
    return Row(learner="ana-1", name=name, columns=columns or {"id": "1", "name": name}, entries=(entry,))


def as_canvas_reads(text):
    """What its importer makes of a file: by user, the scores by assignment; and the points possible."""
    header, *lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert "Student" in header[0] and "ID" in header[1]
    assert (
        re.search(r"SIS\s+User\s+ID", header[2])
        and re.search(r"SIS\s+Login\s+ID", header[3])
        and "Section" in header[4]
    )
    points, found = None, {}
    for line in lines:
        assert len(line) == len(header)
        if "Points Possible" in line[0]:
            points = dict(zip(header[5:], line[5:], strict=True))
        else:
            who = next(cell for cell in (line[1], line[2], line[3], line[0]) if cell)
            found[who] = dict(zip(header[5:], line[5:], strict=True))
    return points, found


def as_moodle_reads(text, by):
    """What its importer makes of a file that is mapped by one column; None is no grade."""
    header, *lines = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    found = {}
    for line in lines:
        cells = dict(zip([h.strip() for h in header], line, strict=True))
        if cells[by]:
            grades = {k: v for k, v in cells.items() if k not in gradebook_csv.MOODLE}
            found[cells[by]] = {k: None if v in ("", "-") else float(v) for k, v in grades.items()}
            assert all(v is None or 0 <= v <= 100 for v in found[cells[by]].values())
    return found


def test_what_counts_of_each_learner(room):
    room.grade(room.learner(0), "wrong-restart-only")
    best = room.grade(room.learner(0), "solved", minutes=60)
    room.grade(room.learner(0), "wrong-restart-only", minutes=90)
    room.grade(room.learner(1), "faulty", exercise="four-gpu-pending")
    made = gradebook.of_class(room.of)
    assert [len(r.entries) for r in made.rows] == [1, 1, 0]
    entry = made.rows[0].entries[0]
    assert (entry.mark.percent, entry.mark.passed, entry.attempts, entry.late) == (100.0, True, 3, 0)
    assert entry.recorded == classes.STARTED + timedelta(minutes=60) and best.is_dir()
    assert entry.seal.startswith("signed by") and entry.trust == ()
    assert made.exercises == ("four-gpu-pending", "shm-missing")
    last = gradebook.of_class(room.of.model_copy(update={"counts": "last"}))
    assert not last.rows[0].entries[0].mark.passed


def test_what_cannot_be_believed_does_not_count_and_is_told(room):
    room.grade(room.learner(0), "wrong-restart-only")
    forged = room.grade(room.learner(0), "solved", minutes=60, signed=False)
    room.grade(room.learner(1), signed=False)
    first, second, _ = gradebook.of_class(room.of).rows
    (entry,) = first.entries
    assert (entry.mark.passed, entry.attempts, entry.refused) == (False, 1, 1)
    assert entry.trust == (f"{forged.name}: the evidence is unsigned",)
    (entry,) = second.entries
    assert (entry.mark, entry.attempts, entry.refused, len(entry.trust)) == (None, 0, 1, 1)
    assert gradebook_html.verdict(entry)[0] == "not trusted, does not count"
    _, found = as_canvas_reads(gradebook_csv.canvas(gradebook.of_class(room.of)))
    assert found["2"]["shm-missing"] == ""


@pytest.mark.parametrize("kind", ["table", "csv-canvas", "csv-moodle", "json", "html"])
def test_whatever_it_is_written_as_what_does_not_count_is_said(room, kind, capsys):
    room.grade(room.learner(), signed=False)
    assert cli.run(["class", "gradebook", "--format", kind]) == Exit.OK
    assert "does not count: " in " ".join(capsys.readouterr().err.split())


def test_what_was_written_has_its_own_marks(room):
    text = "# Diagnosis\n## Failing layer\nShared memory, as the log says: insufficient space in /dev/shm.\n"
    room.grade(room.learner(), answers={"diagnosis.md": text})
    made = gradebook.of_class(room.of)
    (entry,) = made.rows[0].entries
    assert entry.mark.passed and entry.apart["diagnosis"].max_score == 6
    assert made.columns() == [("shm-missing", ""), ("shm-missing", "diagnosis")]
    _, found = as_canvas_reads(gradebook_csv.canvas(made))
    assert found["1"]["shm-missing"] == "100" and found["1"]["shm-missing diagnosis"] not in ("", "100")


def test_after_the_exams_end_it_does_not_count(room):
    ends = classes.STARTED + timedelta(minutes=45)
    exam = room.of.model_copy(update={"ends": ends})
    room.grade(room.learner(0), "wrong-restart-only", minutes=45)
    room.grade(room.learner(0), "solved", minutes=46)
    room.grade(room.learner(1), "solved", minutes=46)
    first, second, _ = gradebook.of_class(exam).rows
    assert (first.entries[0].mark.passed, first.entries[0].attempts, first.entries[0].late) == (False, 1, 1)
    assert (second.entries[0].mark, second.entries[0].late) == (None, 1)
    assert gradebook_html.verdict(second.entries[0])[0] == "late, does not count"
    assert [gradebook.late(each, exam) for each in classes.attempts(room)] == [False, True, True]
    assert not any(gradebook.late(each, room.of) for each in classes.attempts(room))


def test_canvas_gets_its_own_columns_back(room):
    room.grade(room.learner(0), "solved")
    points, found = as_canvas_reads(gradebook_csv.canvas(gradebook.of_class(room.of)))
    assert points == {"shm-missing": "100"}
    assert found == {"1": {"shm-missing": "100"}, "2": {"shm-missing": ""}, "3": {"shm-missing": ""}}
    text = gradebook_csv.canvas(gradebook.of_class(room.of))
    assert text.splitlines()[2] == "Ana López,1,S1,ana,A,100" and not text.startswith("\ufeff")


def test_another_schools_number_is_not_taken_for_canvas_own():
    made = book(row(columns={"Matrikelnummer": "0047", "Name": "Ana", "E-Mail": "ana@school.edu"}))
    assert gradebook_csv.canvas(made).splitlines()[2] == "Ana,,0047,ana@school.edu,,87.5"


def test_moodle_finds_users_by_what_the_roster_has():
    columns = {"First name": "Ana", "Surname": "López", "ID number": "007", "Email address": "ana@school.edu"}
    text = gradebook_csv.moodle(book(row(columns=columns), row(None, {"Email address": "bo@school.edu"})))
    assert text.startswith("\ufeffID number,Email address,shm-missing\r\n")
    assert as_moodle_reads(text, "ID number") == {"007": {"shm-missing": 87.5}}
    assert as_moodle_reads(text, "Email address")["bo@school.edu"] == {"shm-missing": None}


def test_moodle_finds_nobody_by_a_name_alone():
    with pytest.raises(LabError, match="finds nobody") as refused:
        gradebook_csv.moodle(book(row(columns={"Name": "Ana"})))
    assert refused.value.hint


@pytest.mark.parametrize("cell", [HOSTILE, "+1+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1"])
def test_a_formula_gets_a_quote_and_is_named(cell):
    made = book(row(columns={"Student": cell, "ID": "1", "SIS User ID": "2", "SIS Login ID": cell}, name=cell))
    lines = [*csv.reader(io.StringIO(gradebook_csv.canvas(made), newline=""))]
    assert lines[2][0] == lines[2][3] == f"'{cell}"
    assert gradebook_csv.quoted(made) == ["ana-1"]


@pytest.mark.parametrize(
    "cell", ["+4917212345", "-3.5", "0047", "o'Brien", "ana@school.edu", 'Ana "Nita", López', "李雷"]
)
def test_what_is_no_formula_comes_back_as_it_was(cell):
    made = book(row(columns={"Student": "Ana", "ID": "", "SIS User ID": cell, "SIS Login ID": "ana"}))
    assert [*as_canvas_reads(gradebook_csv.canvas(made))[1]] == [cell]
    assert gradebook_csv.quoted(made) == []


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8))
def test_no_cell_of_any_roster_is_a_formula_or_moves_another(cells):
    rows = [row(columns={"Student": a, "ID": str(n), "SIS User ID": b, "Section": a}) for n, (a, b) in enumerate(cells)]
    text = gradebook_csv.canvas(book(*rows))
    lines = [*csv.reader(io.StringIO(text, newline=""))][2:]
    assert [line[1] for line in lines] == [str(n) for n in range(len(cells))]
    for line, (a, b) in zip(lines, cells, strict=True):
        for cell, was in ((line[0], a), (line[2], b)):
            assert cell in (was, f"'{was}")
            assert not cell.startswith(("=", "@", "\t", "\r")) and not re.match(r"[-+](?!\d+(\.\d+)?$)", cell)


def test_json_is_versioned_and_whole(room):
    room.grade(room.learner())
    made = gradebook.of_class(room.of)
    again = Gradebook.model_validate_json(made.model_dump_json())
    assert again == made and json.loads(made.model_dump_json())["schema_version"] == 1


def test_a_page_says_verdicts_in_words_and_runs_nothing():
    hostile = "<script>alert(1)</script>"
    text = gradebook_html.text(
        book(row(name=hostile), row(100.0), row(50.0, refused=1, trust=("the evidence is unsigned",)))
    )
    assert hostile not in text and "&lt;script&gt;" in text
    assert "<script" not in text and "http" not in text.replace("http-equiv", "")
    for words in ("solved", "not solved", "87.5%", "the evidence is unsigned", "not trusted"):
        assert words in text


def test_without_names_nobody_is_told(room):
    room.grade(room.learner(0), signed=False)
    made = gradebook.anonymous(gradebook.of_class(room.of))
    texts = gradebook_html.text(made), made.model_dump_json()
    for learner in room.of.learners:
        for word in (
            learner.slug,
            learner.name,
            learner.columns["SIS User ID"],
            f">{learner.columns['SIS Login ID']}<",
        ):
            assert not any(re.search(rf"\b{re.escape(word)}\b", text) for text in texts)
    assert "learner 1" in texts[0] and "something speaks against it" in texts[0]


def test_by_the_command_line(room, tmp_path, capsys):
    room.grade(room.learner())
    for format in ("table", "csv-canvas", "csv-moodle", "json", "html"):
        assert cli.run(["class", "gradebook", "--format", format]) == Exit.OK
        assert "shm-missing" in capsys.readouterr().out
        assert cli.run(["class", "gradebook", "--format", format, "--out", str(tmp_path / format)]) == Exit.OK
        assert "shm-missing" in (tmp_path / format).read_text()
        assert capsys.readouterr().out == ""
    assert (tmp_path / "csv-moodle").read_bytes().startswith(b"\xef\xbb\xbf")
    assert b"\r\r\n" not in (tmp_path / "csv-canvas").read_bytes()
    assert cli.run(["class", "gradebook", "--out", str(tmp_path / "no" / "such")]) == Exit.USAGE


@pytest.mark.parametrize("value", ["-5", "+3.2", "7", "ada", "", "a=b", "2026-01-01"])
def test_what_is_no_formula_stays(value):
    assert gradebook_csv.safe(value) == value


@pytest.mark.parametrize(
    "value", ["=1", "+1+1", "-1-1", "@x", "\tx", "\rx", "\nx", " =1", "\u00a0=1", "-", "+a", "\uff1d1", "-5 "]
)
def test_what_could_be_a_formula_is_text(value):
    assert gradebook_csv.safe(value) == f"'{value}"
