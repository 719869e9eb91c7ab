import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlab.classroom import roster
from vlab.classroom.model import LONGEST_CLASS, LONGEST_SLUG
from vlab.errors import LabError

SAFE = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)


def written(lines, delimiter=","):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(lines)
    return out.getvalue()


@given(st.lists(CELLS.filter(lambda c: c.strip()), min_size=1, max_size=30, unique_by=lambda c: roster._normal(c)))
def test_any_text_gets_a_name_that_is_safe_and_unique(keys):
    found = roster.learners(written([["id"], *([k] for k in keys)]))
    slugs = [each.slug for each in found]
    assert len(set(slugs)) == len(keys)
    assert all(SAFE.fullmatch(s) and len(s) <= LONGEST_SLUG for s in slugs)
    assert [each.key for each in found] == [k.strip() for k in keys]
    assert len(f"{'c' * LONGEST_CLASS}-{max(slugs, key=len)}") <= 63


@given(st.permutations(["20231234", "ana@school.edu", "=cmd|' /C calc'!A0", "李雷", "Ana, López", "a" * 200]))
def test_a_name_does_not_depend_on_the_others(keys):
    alone = {k: roster.learners(written([["id"], [k]]))[0].slug for k in keys}
    assert {each.key: each.slug for each in roster.learners(written([["id"], *([k] for k in keys)]))} == alone


def test_numbers_stay_as_they_stand():
    (found,) = roster.learners("id,name\n0012345,Ana\n")
    assert found.key == "0012345" and found.slug.startswith("0012345-")


@pytest.mark.parametrize(
    ("text", "key", "name"),
    [
        ("Vorname;Nachname;Matrikelnummer\nJörg;Groß;4711\n", "4711", "Jörg Groß"),
        (
            'Student,ID,SIS User ID,SIS Login ID,Section\n    Points Possible,,,,\n"López, Ana",17,S17,ana,A\n',
            "17",
            "López, Ana",
        ),
        ("First name,Surname,Email address\nAna,López,ana@school.edu\n", "ana@school.edu", "Ana López"),
        ("name\tlogin\nAna\tal7\n", "al7", "Ana"),
        ("Name\nAna\n", "Ana", "Ana"),
    ],
)
def test_rosters_as_schools_export_them(text, key, name):
    (found,) = roster.learners(text)
    assert (found.key, found.name) == (key, name)
    assert name in found.columns.values() or set(name.split()) <= set(found.columns.values())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_of_spreadsheets(tmp_path, encoding):
    file = tmp_path / "roster.csv"
    file.write_bytes("id,name\n1,Jörg Müller\n".encode(encoding))
    assert roster.read(file)[0].name == "Jörg Müller"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("colour,shoe\nred,42\n", "no column that tells learners apart"),
        ("id,name\n", "headings and no learner"),
        ("id,name\n7,Ana\n8,Bo\n 7 ,Cy\n", "in lines 2, 4"),
        ("name\nAna Lopez\nANA  LOPEZ\n", "in lines 2, 3"),
        ('id,name\n1,"Ana\n', "line 2"),
        ("id\n" + "x" * 501, "501 characters"),
        ("id\n" + "\n".join(map(str, range(2001))), "more than 2000"),
    ],
)
def test_what_is_no_roster_is_refused_with_its_place(text, words):
    with pytest.raises(LabError, match=re.escape(words)) as refused:
        roster.learners(text)
    assert refused.value.hint


def test_a_large_or_binary_file_is_refused(tmp_path):
    file = tmp_path / "roster.csv"
    file.write_bytes(b"id\n" + b"x" * (2 << 20))
    with pytest.raises(LabError, match="larger than"):
        roster.read(file)
    file.write_bytes(b"PK\x03\x04\0\0\0\0")
    with pytest.raises(LabError, match="not text"):
        roster.read(file)
    with pytest.raises(LabError, match="cannot read"):
        roster.read(tmp_path / "none.csv")
