"""The quiz: items that can be answered, in an order of the learner's own; asked, explained, kept, gone on with."""

import io
import json
import os
import pty
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlab import catalog, cli, journal, quiz, recommending, rubric
from vlab.errors import Exit, LabError
from vlab.progress import answers

ITEMS = [item for topic in quiz.topics().values() for item in topic.items]
CHOICES = [item for item in ITEMS if isinstance(item, quiz.Choice)]
WRITTEN = [item for item in ITEMS if isinstance(item, quiz.Explain)]
JUDGED = [item for item in WRITTEN if item.recorded]
ENOUGH = "The owner of a pod makes it anew, so the owner must be deleted, not the pod."


def by_id(item):
    return item.id


# The data


def test_the_modules_questions_are_there():
    assert len(CHOICES) >= 12


@pytest.mark.parametrize("item", ITEMS, ids=by_id)
def test_what_shows_an_item_is_there(item):
    assert item.scenario is None or item.scenario in catalog.scenarios()


def test_a_right_option_is_not_told_by_its_length_or_place():
    longest = [max(item.options, key=lambda o: len(o.text)).right for item in CHOICES]
    assert sum(longest) <= len(CHOICES) / 3
    places = Counter(x for i in CHOICES for x, o in i.shown("").items() if o.right)
    assert len(places) >= 4 and max(places.values()) <= len(CHOICES) / 2


def test_no_stem_names_what_is_right():
    for item in CHOICES:
        assert not [o.text for o in item.right if o.text in item.stem]


@pytest.mark.parametrize("item", CHOICES, ids=by_id)
@settings(deadline=None, max_examples=30)
@given(seed=st.text(max_size=20))
def test_an_order_has_every_option_once_and_stays_the_same(item, seed):
    shown = item.shown(seed)
    assert sorted(o.text for o in shown.values()) == sorted(o.text for o in item.options)
    assert "".join(shown) == quiz.LETTERS[: len(shown)]
    assert item.shown(seed) == shown


def test_learners_see_different_orders():
    orders = {tuple(o.text for o in CHOICES[0].shown(f"learner {n}").values()) for n in range(30)}
    assert len(orders) > 10


GOOD = """
title: A topic
items:
  - {id: one, kind: explain, task: 1, stem: "What?", answer: That.}
  - id: two
    kind: choice
    scenario: four-gpu-pending
    stem: Which?
    options: [{text: a, right: true, why: it is}, {text: b, why: not it}, {text: c, why: not it}]
"""


def test_a_file_is_a_topic(tmp_path):
    file = tmp_path / "3-some-topic.yaml"
    file.write_text(GOOD)
    found = quiz.read(file)
    assert (found.id, [i.id for i in found.items]) == ("some-topic", ["one", "two"])


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("right: true, ", "", "some options must be right"),
        ("{text: b,", "{text: b, right: true,", None),
        (
            "{text: b, why: not it}, {text: c, why: not it}",
            "{text: b, right: true, why: x}, {text: c, right: true, why: x}",
            "some",
        ),
        ("text: c", "text: b", "two options are the same"),
        (", {text: c, why: not it}", "", "at least 3"),
        ("answer: That.", "anwser: That.", "answer"),
        ("answer: That.", "answer: That., more: x", "Extra inputs"),
        ("{text: b, why: not it}", "{text: b}", "why"),
        ("task: 1,", "", "name the scenario"),
        ("task: 1,", "task: 1, scenario: x,", "name the scenario"),
        ("task: 1,", "task: 1, recorded: faulty,", "is one of a scenario"),
        ("task: 1,", "task: 7,", "less than or equal to 6"),
        ("id: one", "id: One item", "pattern"),
        ("kind: choice", "kind: chioce", "kind"),
        ("title: A topic", "", "title"),
        ("title: A topic", "title: [", "is no topic"),
        (GOOD, "[]", "is no topic"),
        (GOOD, "", "is no topic"),
    ],
)
def test_a_file_that_is_wrong_says_where(tmp_path, was, becomes, said):
    file = tmp_path / "1-x.yaml"
    assert was in GOOD
    file.write_text(GOOD.replace(was, becomes))
    if said is None:
        assert len(quiz.read(file).items[1].right) == 2
        return
    with pytest.raises(LabError) as caught:
        quiz.read(file)
    assert str(file) in caught.value.message and said in caught.value.message
    assert "\n" not in caught.value.message


def test_two_items_of_one_name_are_refused(tmp_path, monkeypatch):
    for name in ("1-a.yaml", "2-b.yaml"):
        (tmp_path / name).write_text(GOOD)
    monkeypatch.setattr("vlab.paths.data", lambda _: tmp_path)
    quiz.topics.cache_clear()
    try:
        with pytest.raises(LabError, match="two items of the quiz are called one"):
            quiz.topics()
    finally:
        quiz.topics.cache_clear()


# Asked


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("VLAB_STATE", str(tmp_path / "state"))


@pytest.fixture
def asked(monkeypatch, capsys):
    """Runs `vlab quiz` with these lines on stdin: exit code, stdout, stderr."""

    def run(lines: str | bytes, *arguments: str) -> tuple[int, str, str]:
        raw = lines if isinstance(lines, bytes) else lines.encode()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))
        code = cli.run(["quiz", *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def kept(learner="me"):
    return answers(journal.read(learner).events)


def letters(item, learner="me", *, right=True):
    shown = item.shown(learner)
    if right:
        return "".join(x for x, o in shown.items() if o.right)
    return next(x for x, o in shown.items() if not o.right)


def in_log(text):
    """Without what a width does to it."""
    return " ".join(text.split())


def test_a_right_answer_is_explained_and_kept(asked):
    item = CHOICES[0]
    code, out, err = asked(letters(item) + "\n")
    assert code == Exit.OK
    assert f"Right: {letters(item)}." in out
    assert f"`vlab start {item.scenario}` shows it" in out
    for option in item.options:
        assert in_log(option.why.replace("`", ""))[:30] in in_log(out)
    assert kept() == {item.id: True}
    assert "your answer (a letter;" in err and "your answer" not in out
    assert "1 right, 0 wrong" in err


def test_a_wrong_answer_says_what_is_right(asked):
    item = CHOICES[0]
    wrong = letters(item, right=False)
    _, out, _ = asked(wrong + "\n")
    assert f"Not right. It is {letters(item)}." in out
    assert f"{wrong} (wrong, yours)" in out
    assert kept() == {item.id: False}


def test_some_of_several_right_options_are_not_enough(asked):
    several = next(i for i in CHOICES if len(i.right) > 1)
    topic = next(t for t in quiz.topics().values() if several in t.items)
    before = "".join("\n" for _ in range(topic.items.index(several)))
    right = letters(several)
    asked(f"{before}{right[0]}\n", "--topic", topic.id)
    assert kept() == {several.id: False}
    asked(f"{before}{', '.join(reversed(right)).upper()}\n", "--topic", topic.id, "--again")
    assert kept() == {several.id: True}


@pytest.mark.parametrize("nonsense", ["z", "ab", "1", "???", "ü", "a" * 20 + "z", "x" * 100_000, "\x00", ","])
def test_what_is_no_answer_is_asked_again(asked, nonsense):
    item = CHOICES[0]
    assert len(item.right) == 1
    code, _, err = asked(f"{nonsense}\n{letters(item)}\n")
    assert (code, kept()) == (Exit.OK, {item.id: True})
    assert "letter" in err.splitlines()[0].partition("): ")[2]


def test_bytes_that_are_no_text_are_asked_again(asked):
    item = CHOICES[0]
    asked(b"\xff\xfe\n" + letters(item).encode() + b"\n")
    assert kept() == {item.id: True}


def test_it_goes_on_where_it_was_left(asked):
    first, second = CHOICES[:2]
    asked(letters(first) + "\nq\n")
    assert kept() == {first.id: True}
    _, out, _ = asked(letters(second) + "\nq\n")
    assert f"1 of {len(ITEMS) - 1}" in out
    assert kept() == {first.id: True, second.id: True}


def test_an_empty_line_leaves_an_item_for_later(asked):
    asked("\n" + letters(CHOICES[1]) + "\n")
    assert kept() == {CHOICES[1].id: True}


def test_the_end_of_stdin_ends_it(asked):
    code, _, err = asked("")
    assert (code, kept()) == (Exit.OK, {})
    assert f"{len(ITEMS)} left; `vlab quiz` goes on from here" in err


def test_what_was_wrong_is_asked_again_once_all_are_answered(asked):
    topic = quiz.topic("kv-cache").model_copy(update={"items": tuple(i for i in CHOICES if i.scenario)})
    with patched(quiz.topics(), {topic.id: topic}):
        first, *rest = topic.items
        asked("\n".join([letters(first, right=False), *(letters(i) for i in rest)]) + "\n")
        assert [kept()[i.id] for i in topic.items] == [False, *(True for _ in rest)]
        _, out, _ = asked(letters(first) + "\n")
        assert "1 of 1" in out
        assert kept()[first.id] is True
        code, out, err = asked("")
        assert (code, out) == (Exit.OK, "")
        assert "every item is answered" in err and "--again" in err


@contextmanager
def patched(known, instead):
    """Other items for a while in the place of those of a cached dictionary."""
    before = dict(known)
    known.clear()
    known.update(instead)
    try:
        yield
    finally:
        known.clear()
        known.update(before)


def test_learners_are_kept_apart(asked):
    item = CHOICES[0]
    asked(letters(item, "ada") + "\n", "--learner", "ada")
    assert (kept("ada"), kept()) == ({item.id: True}, {})


def test_an_unknown_topic_names_those_there_are(asked):
    code, out, err = asked("", "--topic", "nothing")
    assert (code, out) == (Exit.USAGE, "")
    assert err.splitlines() == [
        "error: the quiz has no topic 'nothing'",
        f"hint: there are: {', '.join(quiz.topics())}",
    ]


# In writing


@pytest.fixture
def explain(asked):
    """Answers one item in writing with these lines."""
    topic = next(t for t in quiz.topics().values() if any(isinstance(i, quiz.Explain) for i in t.items))
    at = next(n for n, i in enumerate(topic.items) if isinstance(i, quiz.Explain))

    def run(lines: str, *more: str):
        return topic.items[at], asked("\n" * at + lines, "--topic", topic.id, *more)

    return run


def test_a_model_answer_is_shown_to_who_has_written_one(explain, tmp_path):
    mine = tmp_path / "mine.md"
    mine.write_text(ENOUGH)
    item, (code, out, err) = explain(f"~nobody-has-this-name/x\n{mine}\n")
    assert code == Exit.OK
    assert "there is no such home" in err
    assert item.answer.split()[0].strip("*:") in out and "A model answer" in out
    assert kept() == {item.id: None}
    assert (journal.folder("me") / "written" / f"{item.id}.md").read_text() == ENOUGH


def test_and_to_nobody_else(explain, tmp_path):
    for name, content in {
        "empty.md": b"",
        "few.md": b"It is obvious.",
        "comment.md": b"<!-- " + ENOUGH.encode() + b" -->",
        "binary.md": bytes(range(256)) * 20,
        "huge.md": b"word " * 2_000_000,
    }.items():
        (tmp_path / name).write_bytes(content)
    names = [
        "empty.md",
        "few.md",
        "comment.md",
        "binary.md",
        "huge.md",
        "nothing.md",
        ".",
        "a\x00b",
        "I answer here. " * 30,
    ]
    _, (code, out, err) = explain("".join(f"{tmp_path / n}\n" for n in names))
    assert (code, kept()) == (Exit.OK, {})
    assert "A model answer" not in out
    assert err.count("error: ") == err.count("hint: ") == len(names)
    assert "Traceback" not in err


def test_an_answer_in_an_editor_on_a_terminal(tmp_path):
    """Through a pseudo-terminal, with an editor that appends to the file it is given."""
    editor = tmp_path / "editor"
    editor.write_text(f"#!/bin/sh\ntest -t 1 && grep -q 'three layers' \"$1\" && echo '{ENOUGH}' >> \"$1\"\n")
    editor.chmod(0o755)
    before = quiz.topic("scheduling").items.index(item := next(i for i in WRITTEN if i.id == "no-gpu-shown"))
    ours, theirs = pty.openpty()
    os.write(ours, b"\n" * before + b"e\nq\n")
    script = "import sys; from vlab import cli; sys.exit(cli.run(['quiz', '--topic', 'scheduling']))"
    environment = {**os.environ, "EDITOR": str(editor), "TERM": "xterm", "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("VISUAL", None)
    done = subprocess.run(
        [sys.executable, "-c", script], stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, env=environment, timeout=30
    )
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0
    assert b"A model answer" in done.stdout
    assert kept() == {item.id: None}
    assert (journal.folder("me") / "written" / "no-gpu-shown.md").read_text() == ENOUGH


# In writing, about a recorded run


@pytest.fixture
def recommend(asked, tmp_path):
    """Answers an item about a recorded run with this text."""

    def run(item, text):
        topic = next(t for t in quiz.topics().values() if item in t.items)
        file = tmp_path / "answer.md"
        file.write_text(text)
        return asked("\n" * topic.items.index(item) + f"{file}\n", "--topic", topic.id, "--again")

    return run


@pytest.mark.parametrize("item", JUDGED, ids=by_id)
def test_a_model_answer_passes_itself(recommend, item):
    answer = recommending.model_answer(item)
    assert "{{" not in answer
    code, out, _ = recommend(item, answer)
    assert (code, kept()) == (Exit.OK, {item.id: True})
    assert "Right: it passes." in out


@pytest.mark.parametrize("item", JUDGED, ids=by_id)
def test_what_is_not_right_is_told_by_criterion(recommend, item):
    figures = recommending.figures(item)
    name = next(n for n in figures if f"{{{{{n}}}}}" in item.answer and figures[n] > 1)
    false = item.answer.replace(f"{{{{{name}}}}}", f"{{{{{name}*4}}}}")
    _, out, _ = recommend(item, rubric.fill(false, figures))
    assert kept() == {item.id: False}
    assert "Not right yet." in out and "number_true (fail)" in out and "signal_exists (pass)" in out
    assert "A model answer" in out


@pytest.mark.parametrize("item", JUDGED, ids=by_id)
def test_figures_of_the_run_are_shown_first(recommend, item):
    _, out, _ = recommend(item, ENOUGH)
    before = out.partition("Not right yet.")[0]
    assert all(name in before for name in recommending.figures(item))


def test_what_nobody_can_judge_is_not_judged():
    assert {recommending.judged(item, ENOUGH) for item in WRITTEN if item not in JUDGED} == {None}
    assert {*map(repr, map(recommending.figures, (i for i in WRITTEN if i not in JUDGED)))} == {"{}"}


# As JSON


def test_as_json_nothing_is_asked_and_nothing_given_away(asked):
    code, out, _ = asked("", "--json")
    found = json.loads(out)
    assert code == Exit.OK
    assert [row["id"] for row in found] == [i.id for i in ITEMS]
    choice = next(row for row in found if row["kind"] == "choice")
    assert not any(row["answered"] for row in found)
    assert {*choice["options"]["a"]} == {"text"}
    assert '"why"' not in out and '"model_answer"' not in out


def test_as_json_with_what_was_answered(asked):
    item = CHOICES[0]
    asked(letters(item) + "\n")
    _, out, _ = asked("", "--json")
    row = next(r for r in json.loads(out) if r["id"] == item.id)
    assert (row["answered"], row["right"]) == (True, True)
    assert [x for x, o in row["options"].items() if o["right"]] == [*letters(item)]
