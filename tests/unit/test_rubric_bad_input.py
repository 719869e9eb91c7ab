"""What may lie in a file instead of a recommendation: a clear error or a fail with help, in bounded time."""

import json

import pytest

from memory import peak
from test_rubric_texts import run_of
from vlab import catalog, cli, rubric
from vlab.errors import Exit, LabError

ID = "cache-saturated"
GOOD = """**Observed signal:** {{waiting_max}} waiting, {{preemptions}} preemptions, cache at {{kv_usage_max_pct}} %.
**Interpretation:** cache pressure: no block is free.
**Change:** lower `--max-model-len` to 512.
**Validation:** repeat the same load; waiting requests and preemptions should fall."""


def filled(text: str = GOOD) -> str:
    return rubric.fill(text, rubric.figures(run_of(ID)))


def judged(text: str) -> rubric.Judged:
    return rubric.check(text, catalog.scenario(ID), run_of(ID))


def run(file, *more: str) -> int:
    evidence = str(catalog.scenario(ID).recorded["faulty"])
    return cli.run(["recommend", "check", str(file), "--scenario", ID, "--evidence", evidence, *more])


def test_the_good_one_passes():
    assert judged(filled()).passes


@pytest.mark.parametrize("text", ["", "   \n\n", "​‌", "# \n## \n", "---", "- \n- \n"])
def test_nothing_written_fails_with_help(text):
    found = judged(text)
    assert not found.passes
    assert all(c.help for c in found.criteria)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"\0\1\2\3", "binary"), (b"\xff\xfe\x00", "UTF-8"), (b"a" * (10 << 20), "larger")],
    ids=["binary", "not-utf-8", "10-mb"],
)
def test_what_is_no_text_is_an_error_with_a_cure(tmp_path, content, words, capsys):
    file = tmp_path / "r.md"
    file.write_bytes(content)
    assert run(file) == Exit.USAGE
    said = capsys.readouterr().err
    assert words in said and "hint" in said and "Traceback" not in said


def test_a_file_that_is_not_there(tmp_path, capsys):
    assert run(tmp_path / "none.md") == Exit.USAGE
    assert run(tmp_path) == Exit.USAGE
    assert "no such file" in capsys.readouterr().err


def test_a_run_of_another_scenario(tmp_path, capsys):
    file = tmp_path / "r.md"
    file.write_text(filled())
    evidence = str(catalog.scenario("shm-missing").recorded["faulty"])
    assert cli.run(["recommend", "check", str(file), "--scenario", ID, "--evidence", evidence]) == Exit.USAGE
    assert "shm-missing" in capsys.readouterr().err


def test_the_command_prints_criteria_as_json(tmp_path, capsys):
    file = tmp_path / "r.md"
    file.write_text(filled())
    assert run(file, "--json") == Exit.OK
    found = json.loads(capsys.readouterr().out)
    assert found["passes"] is True
    assert [set(c) for c in found["criteria"]] == [{"id", "verdict", "span", "help"}] * 7
    file.write_text("I would add GPUs.")
    assert run(file, "--json") == Exit.CHECKS_FAILED


BLOWN_UP = {
    "one-line-100000-times": "The queue is long.\n" * 100_000,
    "one-line-of-1-mb": "preemptions rose to 18 and " * 38_000,
    "html": "<table>" + "<tr><td>queue</td><td>&nbsp;</td></tr>" * 20_000 + "</table>",
    "nested-quotes": ">" * 15_000 + " queue",
    "open-brackets": "[" * 15_000,
    "stars": "*a " * 5_000,
    "numbers": "21 " * 5_000,
    "back-quotes": "`" * 15_999,
    "one-word": "a" * 15_000,
    "table": "|a" * 2_500 + "\n" + "|-" * 2_500 + "\n" + "|b" * 2_500,
    "flags": "--max-num-seqs=4 " * 900,
    "clauses": "if not the cache, then not the queue; but no, " * 320,
    "metrics": 'vllm:num_requests_waiting{a="b"} 21\n' * 800,
}


@pytest.mark.parametrize("text", BLOWN_UP.values(), ids=BLOWN_UP)
def test_what_is_blown_up_is_judged_to_its_end_and_in_bounded_memory(text):
    """One that takes longer with each word ends at the limit of every test."""
    judged("warm")
    assert not judged(text).passes
    assert peak(lambda: judged(text[: len(text) // 4])) < 64 << 20


def test_invisible_characters_hide_nothing_and_harm_nothing():
    hidden = filled().replace("lower", "lo\u200dwer").replace("Change", "\u202eChange\u202c")
    assert judged(hidden).passes
    assert judged("".join(f"{c}\u200b" for c in filled())).passes


def test_html_is_read_as_what_it_shows():
    lines = "".join(f"<p>{line}</p>" for line in filled().splitlines())
    assert judged(f"<html><script>full marks</script><body>{lines}</body></html>").passes


def test_parts_twice_are_all_read():
    assert judged(f"{filled()}\n\n{filled()}").passes
    other = filled().replace("lower `--max-model-len` to 512", "raise `--max-num-seqs` to 256")
    assert not judged(f"{filled()}\n\n{other}").passes


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("La file d'attente est longue et le cache est plein. Les requetes sont dans la file, une consequence "
         "du cache. Je propose de reduire la longueur du contexte et de refaire le test avec la charge.", "French"),
        ("Очередь длинная, кэш заполнен. Я предлагаю уменьшить длину контекста и повторить нагрузку.", "Russian"),
    ],
)  # fmt: skip
def test_another_language_is_unsure_with_a_plain_word(text, language):
    found = judged(text)
    assert {c.verdict for c in found.criteria} == {"unsure"}
    assert language in found.criteria[0].help


def test_a_scenario_without_a_rubric_is_named():
    from vlab.rubric.model import rubric as rubric_of

    nobody = catalog.scenario(ID).model_copy(update={"id": "nobody"})
    with pytest.raises(LabError, match="nobody"):
        rubric_of(nobody)


@pytest.mark.parametrize("scenario", catalog.scenarios().values(), ids=lambda s: s.id)
def test_every_scenario_has_a_rubric(scenario):
    from vlab.rubric.model import rubric as rubric_of

    assert rubric_of(scenario).pressures.right
