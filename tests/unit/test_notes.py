"""What learners write is read the same in lists, tables and prose; what is no text is a fail with a word, no crash."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

import making
from vlab.grading import Mismatch
from vlab.grading.notes import Note, Written


@pytest.mark.parametrize(
    "text",
    [
        "- p95 latency: 4.2 s",
        "p95 latency (s): 4.2",
        "* **P95 latency**: `4.2` s, as `vlab load` says",
        "| p95_latency | 4.2 s |",
        "|**p95-latency**|4.2|",
        "1. p95 latency: 4,2",
        "> p95 latency: 4200 ms",
        "- p95 latency:\n- p95 latency: 4.2",
        "p95 latency: 0.07 min",
    ],
)
def test_a_figure_is_found_however_it_is_written(text):
    assert Note("n.md", f"# Figures\n\n{text}\n").seconds("p95 latency") == pytest.approx(4.2)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("8", 8),
        ("-3", -3),
        ("0.85", 0.85),
        ("0,85", 0.85),
        ("1,234.5", 1234.5),
        ("1.234,5", 1234.5),
        ("1 234", 1234),
        ("1'234.5", 1234.5),
        ("1.234", 1.234),
        ("1,234", 1.234),
        ("1,234,567", 1234567),
        ("about 7 of 8", 7),
        (".5", 0.5),
    ],
)
def test_numbers_of_several_countries(text, number):
    assert Note("n.md", f"- n: {text}").number("n") == number


@given(st.floats(0, 1e6, allow_nan=False), st.sampled_from([".", ","]))
def test_any_number_with_two_decimals_is_read_back(value, mark):
    text = f"{value:.2f}"
    assert Note("n.md", f"- n: {text.replace('.', mark)}").number("n") == float(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [("", "no such line"), ("- n:", "nothing"), ("- n: many", "'many'"), ("<!-- - n: 5 -->", "no such line")],
)
def test_what_is_missing_is_named(text, found):
    with pytest.raises(Mismatch) as caught:
        Note("n.md", f"# N\n{text}\n").number("n")
    assert caught.value.actual == found
    assert "answers/n.md" in caught.value.expected


def test_a_section_ends_at_the_next_heading():
    note = Note("n.md", "# A\n\n## It shows\n\nThe queue\ngrew.\n\n## Next\n\nNo.\n## Empty\n<!-- write here -->\n")
    assert note.section("shows") == "The queue grew."
    for heading, found in (("nowhere", "none"), ("empty", "nothing")):
        with pytest.raises(Mismatch) as caught:
            note.section(heading)
        assert caught.value.actual == found


@pytest.mark.parametrize(
    ("answers", "refused", "found"),
    [
        ({}, {}, "none"),
        ({"n.md": ""}, {}, "an empty file"),
        ({"n.md": " \n\t\n"}, {}, "an empty file"),
        ({"n.md": "\x00\x01\x02PK\x03\x04" * 50}, {}, "something that is no text"),
        ({"n.md": "\ufffd" * 50}, {}, "something that is no text"),
        ({}, {"answers/n.md": "is larger than 1 MiB"}, "a file that is larger than 1 MiB"),
    ],
)
def test_what_cannot_be_read_fails_with_a_word(answers, refused, found, tmp_path):
    written = Written(making.evidence(tmp_path / "e", making.deployed(), answers=answers, refused=refused))
    with pytest.raises(Mismatch) as caught:
        written.note("n.md")
    assert caught.value.actual == found


LARGE = {
    "one line": "n: 1 " * 200_000,
    "the same line 100,000 times": "- a: 1\n" * 100_000,
    "comments that never end": "<!--" * 250_000,
    "open brackets": ("(" * 299 + "\n") * 3500,
    "words that are joined": ("a" + "_" * 297 + "b\n") * 3500,
    "stars": "*" * 1_000_000,
    "underscores": "_" * 1_000_000,
    "bars": "|" * 1_000_000,
    "digits": "- n: " + "1" * 999_000,
    "html": "<p>n: 1</p>" * 90_000,
    "right to left": "\u202e\u05d0: 1\n" * 200_000,
    "zero width": "n\u200b: 1\n" * 200_000,
}


@pytest.mark.parametrize("text", LARGE.values(), ids=LARGE)
def test_a_megabyte_of_anything_is_read_to_its_end(text):
    note = Note("n.md", text[: 1 << 20])
    for ask in (note.number, note.seconds, note.value, note.section):
        with suppress(Mismatch):
            assert ask("n") is not None
