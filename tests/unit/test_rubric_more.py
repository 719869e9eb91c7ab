"""Short texts, and one part of a whole said in many other ways, with what each criterion says of them."""

from pathlib import Path

import pytest
import yaml

from test_rubric_texts import run_of
from vlab import catalog, rubric

TEXTS = Path(__file__).parents[1] / "rubric_texts"
MORE = yaml.safe_load((TEXTS / "more/short.yaml").read_text())
SAID = yaml.safe_load((TEXTS / "more/variants.yaml").read_text())
SAID_ONCE = [(v, text) for v in SAID["variants"] for text in v["texts"]]


def verdicts(scenario: str, text: str) -> dict[str, str | None]:
    run = run_of(scenario)
    found = rubric.check(rubric.fill(text, rubric.figures(run)), catalog.scenario(scenario), run)
    return {c.id: c.verdict for c in found.criteria}


@pytest.mark.parametrize("labelled", MORE, ids=range(len(MORE)))
def test_more_texts(labelled):
    letters = {"T": "pass", "F": "fail", "N": None}
    found = verdicts(labelled["scenario"], labelled["text"])
    assert list(found.values()) == [letters[x] for x in labelled["labels"]], labelled["text"]


@pytest.mark.parametrize(("variant", "text"), SAID_ONCE, ids=range(len(SAID_ONCE)))
def test_one_part_said_in_another_way(variant, text):
    parts = SAID["base"][variant["scenario"]] | {variant["part"]: text}
    whole = "\n\n".join(f"**{name.title()}:** {words}" for name, words in parts.items())
    found = verdicts(variant["scenario"], whole)
    assert {name for name, verdict in found.items() if verdict == "fail"} == {*variant["fails"]} - {"no number"}, text
    assert (found["number_true"] is None) == ("no number" in variant["fails"]), text
