"""The parts of which a judgement is made: sentences and their parts, numbers, negation, direction, spelling."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlab.rubric import priority
from vlab.rubric.direction import moves
from vlab.rubric.language import foreign
from vlab.rubric.quantities import numbers, parsed, readings
from vlab.rubric.spelling import corrected
from vlab.rubric.stance import denied, refuses, rejected, supposed
from vlab.rubric.text import read
from vlab.rubric.vocabulary import changes, fold


@pytest.mark.parametrize(
    ("markdown", "parts"),
    [
        ("**Observed signal:** a\n\n**Change** \u2013 b", ["signal", "change"]),
        ("## Symptom\nx\n## Fix\ny\n## Proof\nz", ["signal", "change", "validation"]),
        ("1. Signal: a\n2. Interpretation: b", ["signal", "interpretation"]),
        ("- 👀 **saw:** a\n- ✅ **check:** b", ["signal", "validation"]),
        ("Beobachtet: a\nDeutung: b\nMaßnahme: c\nPrüfung: d", ["signal", "interpretation", "change", "validation"]),
        ("Señal: a\nCausa: b\nCambio: c\nValidación: d", ["signal", "interpretation", "change", "validation"]),
        ("| Signal | Change |\n|---|---|\n| a | b |", ["signal", "change"]),
        ("| Signal | a |\n|---|---|\n| Change | b |", ["signal", "change"]),
        ("What I saw: a\n\nHow I'd know: b", ["signal", "validation"]),
        ("Interpretaton: a", ["interpretation"]),
        ("Edge: 1 lump. Direct: smooth.", ["", ""]),
    ],
)  # fmt: skip
def test_parts_are_found_by_what_people_call_them(markdown, parts):
    assert [s.part for s in read(markdown)] == parts


def test_a_diff_is_what_it_adds():
    text = read("```diff\n-  --max-num-seqs=64\n+  --max-num-seqs=8\n```")[0].text
    assert "=8" in text and "=64" not in text


@settings(deadline=None)
@given(st.text(max_size=400))
def test_reading_takes_any_text(text):
    for sentence in read(text):
        assert any(c.isalnum() for c in sentence.text)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_folding_keeps_places(text):
    assert len(fold(text)) == len(text)


@settings(deadline=None)
@given(st.floats(0.01, 9_999).map(lambda x: round(x, 2)), st.sampled_from([".", ","]))
def test_decimal_points_and_commas_are_the_same(value, mark):
    found = list(numbers(f"it took {value:.2f} seconds".replace(".", mark)))
    assert [n.in_base for n in found] == [pytest.approx(value)]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("7867 ms and 7.87 s", [7.867, 7.87]),
        ("98 % or 0.98", [0.98, 0.98]),
        ("64 MiB, 1Gi", [64, 1024]),
        ("370 tok/s", [370]),
        ("p95 of 3 s over [5m] at 10:30 by http://host:8000/v1", [3]),
        ("--max-num-seqs=64 and 1/1 ready, exit code 1, twice as many, 10x, 3rd", []),
        ("histogram_quantile(0.95, rate(x[5m])) fell", []),
        ("1.234,5 and 1,234.5", [1234.5, 1234.5]),
    ],
)
def test_numbers_and_their_units(text, values):
    assert [n.in_base for n in numbers(fold(text))] == pytest.approx(values)


def test_a_thousand_may_be_written_in_two_ways():
    assert set(readings(next(numbers("1,234 waiting")))) == {1.234, 1234}
    assert parsed("7,87") == (7.87, 0.005)


@pytest.mark.parametrize(
    ("text", "word", "expected"),
    [
        ("it is the cache, not compute", "compute", True),
        ("it is not compute, it is the cache", "cache", False),
        ("neither cache nor compute", "compute", True),
        ("cache usage was not high", "cache usage", True),
        ("compute can be ruled out", "compute", True),
        ("the cache cannot be ruled out", "cache", False),
        ("we cannot rule out the cache", "cache", False),
        ("nicht die rechenleistung", "rechenleistung", True),
        ("no es la red", "red", True),
    ],
)
def test_denials_reach_as_far_as_they_are_meant(text, word, expected):
    start = text.index(word)
    assert denied(text, start, start + len(word)) is expected


@pytest.mark.parametrize(
    ("text", "word", "expected"),
    [
        ("i will not raise max-num-seqs", "max-num-seqs", True),
        ("instead of raising max-num-seqs, lower max-model-len", "max-model-len", False),
        ("raising max-num-seqs would only make it worse", "max-num-seqs", True),
        ("ein neustart hilft nicht", "neustart", True),
        ("set max-num-seqs to 8, which is not much", "max-num-seqs", False),
    ],
)
def test_what_is_rejected_is_not_proposed(text, word, expected):
    start = text.index(word)
    assert rejected(text, start, start + len(word)) is expected


def test_what_would_be_is_not_what_is():
    assert supposed("if the cache were full, requests would wait")
    assert not supposed("if i am right, requests wait less")
    assert refuses("a restart would not help")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("waiting requests and ttft p95 should fall", {("waiting", "down"), ("ttft", "down")}),
        ("preemptions must not grow", {("preemptions", "down")}),
        ("restarts stop going up", {("restarts", "down")}),
        ("fewer waiting, higher throughput", {("waiting", "down"), ("throughput", "up")}),
        ("ttft p95 goes from 7.9 s to 1200 ms", {("ttft", "down")}),
        ("ttft p95 goes from 1200 ms to 7.9 s", {("ttft", "up")}),
        ("preemptions: 0", {("preemptions", "down")}),
        ("more and smaller pieces", {("chunks", "up")}),
        ("die preemptions sinken und der durchsatz steigt", {("preemptions", "down"), ("throughput", "up")}),
        ("las preempciones bajan", {("preemptions", "down")}),
        ("look at the preemptions", set()),
    ],
)
def test_directions(text, expected):
    assert {(m.metric, m.way) for m in moves(text)} == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("chat with priority 0, batch with priority 10", "chat-first"),
        ('chat requests with "priority": 100, batch requests with "priority": 0', "batch-first"),
        ("priority 10 for batch and priority 0 for chat", "chat-first"),
        ("batch gets the higher priority", "batch-first"),
        ("chat gets the higher priority", "chat-first"),
        ("--scheduling-policy=priority", "chat-first"),
    ],
)
def test_a_lower_number_is_served_earlier(text, expected):
    assert priority.order(text, batch_priority=10) == expected


@pytest.mark.parametrize(
    ("written", "meant"),
    [("kv cahce presure", "kv cache pressure"), ("preemtions", "preemptions"), ("a seperate pool", "a separate pool")],
)
def test_a_slip_of_the_pen_is_read_as_meant(written, meant):
    assert corrected(written) == meant


@pytest.mark.parametrize("text", ["a chance to change", "--max-num-seqs", "first reads directly", "caches and proxies"])
def test_what_is_a_word_stays(text):
    assert corrected(text) == text


def test_every_change_can_be_said():
    for name, change in changes().items():
        assert change.steps or change.called, name
        assert change.steps or any((change.up, change.down, change.on, change.off)), name


def test_a_short_text_is_of_no_language():
    assert not foreign(read("cache full, queue 21, `--max-num-seqs 8`"))
