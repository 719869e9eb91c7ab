"""The catalogue of scenarios: found by their folder, refused with a clear word, parameters by learner."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlab import catalog
from vlab.errors import LabError
from vlab.grading import checks_in, refuse_uncollected


def test_an_unknown_scenario_names_the_nearest():
    with pytest.raises(LabError) as caught:
        catalog.scenario("four-gpu-pendin")
    assert caught.value.hint == "did you mean four-gpu-pending?"


@pytest.mark.parametrize("scenario", catalog.scenarios().values(), ids=lambda s: s.id)
class TestEveryScenario:
    def test_has_three_hints(self, scenario):
        assert len(scenario.hints(scenario.draw("ada"))) == 3
        assert all(len(hint.splitlines()) > 2 for hint in scenario.hints(scenario.draw("ada")))

    def test_has_a_solution_and_says_why_it_is_one(self, scenario):
        assert (scenario.folder / "solution" / "apply.sh").is_file()
        assert (scenario.folder / "solution" / "README.md").is_file()

    def test_names_checks_that_are_there(self, scenario):
        checks = {c.id for c in checks_in(*scenario.graders)}
        assert {scenario.expected, *scenario.wrong.values()} <= checks

    def test_names_scripts_that_are_there(self, scenario):
        for kind, names in (("also", scenario.also_right), ("wrong", tuple(scenario.wrong))):
            assert all(scenario.script(kind, name).is_file() for name in names)

    def test_collects_what_its_graders_ask_for(self, scenario):
        refuse_uncollected(scenario.graders, scenario.collect)

    @pytest.mark.parametrize(("collector", "view"), [("probe", "engines"), ("api", "asked")])
    def test_is_refused_if_it_does_not_collect_what_its_graders_ask_for(self, scenario, collector, view):
        less = set(scenario.collect) - {collector}
        with pytest.raises(LabError, match=f"asks for '{view}', which needs '{collector}'") as caught:
            refuse_uncollected(scenario.graders, less)
        assert caught.value.hint == f"add {collector} to `collect` in scenario.yaml"

    def test_its_brief_does_not_give_the_cause_away(self, scenario):
        last = scenario.hints(scenario.draw("ada"))[-1]
        commands = [word for word in last.split("`")[1::2] if word.startswith("--")]
        assert not [flag for flag in commands if flag in scenario.brief(scenario.draw("ada"))]


def test_parameters_depend_on_the_learner_and_stay_the_same():
    scenario = catalog.scenario("four-gpu-pending").model_copy(
        update={"parameters": {"blocks": tuple(range(64, 128)), "users": tuple(range(10, 40))}}
    )
    assert scenario.draw("ada") == scenario.draw("ada")
    assert len({tuple(scenario.draw(f"learner {i}").items()) for i in range(20)}) > 10


def test_an_unknown_key_is_named_with_the_nearest(tmp_path):
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "scenario.yaml").write_text("id: broken\ntitel: x\n")
    with pytest.raises(LabError):
        catalog._read(folder / "scenario.yaml")


json_like = st.recursive(st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=10)


@given(st.dictionaries(st.text(), json_like))
def test_merging_nothing_changes_nothing(base):
    assert catalog.merged(base, {}) == base
    assert catalog.merged({}, base) == base
    assert catalog.merged(base, base) == base


def test_merging_replaces_leaves_and_removes_nulls():
    base = {"server": {"flags": {"a": 1, "b": 2}, "shm": "1Gi"}, "x": [1]}
    over = {"server": {"flags": {"b": 3, "c": 4}, "shm": None}, "x": [2]}
    assert catalog.merged(base, over) == {"server": {"flags": {"a": 1, "b": 3, "c": 4}}, "x": [2]}


@pytest.mark.parametrize("scenario", catalog.scenarios().values(), ids=lambda s: s.id)
def test_texts_name_parameters_that_there_are(scenario):
    for profile in ("cpu", "gpu"):
        drawn = scenario.draw("ada", profile)
        for name in ("brief.md", "hints.md", "solution/README.md"):
            assert not re.findall(r"\{[a-z_]+\}", scenario.text(name, drawn)), name


def test_a_text_has_the_learners_own_figures():
    scenario = catalog.scenario("cache-saturated")
    assert "40 people at once" in scenario.brief({**scenario.draw("ada"), "users": 40})
