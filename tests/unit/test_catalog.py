"""The catalogue of exercises: found by page or folder, refused with a clear word, parameters by learner."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlab import catalog, deployment, runs
from vlab.cluster.lab import new
from vlab.deployment import rendered
from vlab.errors import LabError
from vlab.grading import checks_in, refuse_uncollected
from vlab.phases import phases
from vlab.runs import Run


@pytest.mark.parametrize(
    ("name", "nearest"), [("four-gpu-pendin", "four-gpu-pending"), ("gpu-schedulin", "gpu-scheduling")]
)
def test_an_unknown_exercise_names_the_nearest(name, nearest):
    with pytest.raises(LabError) as caught:
        catalog.exercise(name)
    assert caught.value.hint == f"did you mean {nearest}?"


def test_a_task_is_no_scenario():
    with pytest.raises(LabError, match="no scenario is called 'gpu-scheduling'"):
        catalog.scenario("gpu-scheduling")


def test_each_task_comes_before_what_can_break_in_it():
    every = list(catalog.exercises().values())
    assert [e.task for e in every] == sorted(e.task for e in every)
    for task in catalog.tasks().values():
        own = [e for e in every if e.task == task.task]
        assert own[0] is task
        assert set(task.scenarios) <= {e.id for e in own}


@pytest.mark.parametrize("scenario", catalog.exercises().values(), ids=lambda s: s.id)
class TestEveryExercise:
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

    def test_begins_its_page_with_its_title(self, scenario):
        assert scenario.brief({}).startswith("# ")
        assert len(scenario.brief({})) > 500


@pytest.mark.parametrize("task", catalog.tasks().values(), ids=lambda t: t.id)
class TestEveryTask:
    def test_breaks_nothing(self, task):
        assert task.fault == catalog.Fault()

    def test_names_its_grader_and_what_it_leaves_in_place(self, task):
        assert task.graders[-1].is_file()
        assert task.recorded.keys() <= set(phases(task))

    def test_asks_for_answers_by_the_names_of_its_templates(self, task):
        assert task.templates
        for name, template in task.templates.items():
            assert f"`{name}`" in task.brief({})
            assert template.read_text().startswith("# ")

    def test_shows_commands_in_blocks_that_end(self, task):
        assert task.brief({}).count("```") % 2 == 0


@pytest.mark.parametrize("scenario", catalog.scenarios().values(), ids=lambda s: s.id)
class TestEveryScenario:
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


@pytest.fixture
def named(tmp_path, monkeypatch):
    """What a run's texts may name, of an exercise on a profile."""
    monkeypatch.setenv("VLAB_STATE", str(tmp_path))

    def names(exercise, profile):
        lab = new("x", "kind-built", None, profile, 4, "kind-x")
        drawn = exercise.draw("ada", profile)
        given = {"scenario": exercise.id, "learner": "ada", "namespace": "n", "parameters": drawn}
        run = Run(lab="x", started=datetime(2026, 1, 1, tzinfo=UTC), **given)
        runs.write_whole(run.wanted, rendered(lab, exercise, "ada", "n", drawn).model_dump_json())
        return deployment.names(run)

    return names


@pytest.mark.parametrize("exercise", catalog.exercises().values(), ids=lambda s: s.id)
@pytest.mark.parametrize("profile", ["cpu", "gpu"])
def test_texts_name_what_there_is(exercise, profile, named):
    known = named(exercise, profile)
    texts = [exercise.brief(known), *(exercise.text(name, known) for name in ("hints.md", "solution/README.md"))]
    for text in texts:
        assert not re.findall(r"(?<!%)\{[a-z_]+\}", text)  # %{http_code} is curl's


def test_a_text_has_the_learners_own_figures():
    scenario = catalog.scenario("cache-saturated")
    assert "40 people at once" in scenario.brief({**scenario.draw("ada"), "users": 40})


@pytest.mark.parametrize("identifier", catalog.exercises())
@pytest.mark.parametrize("last", [False, True])
def test_blocks_are_of_a_size_that_the_cpu_engine_has(identifier, last):
    """Its attention works on multiples of 32 tokens; with others it ends while it starts (vLLM 0.32.0)."""
    exercise = catalog.exercise(identifier)
    parameters = exercise.end(last)
    made = deployment.values("cpu", "x", exercise.values, parameters)
    assert int(made["server"]["flags"].get("block-size", 32)) % 32 == 0
