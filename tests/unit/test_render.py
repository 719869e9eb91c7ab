"""Manifests: every profile and scenario renders, nothing undefined, values that cannot break the YAML."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from vlab import catalog, deployment, render
from vlab.cluster import lab as labs
from vlab.errors import LabError
from vlab.settings import EXERCISE, LEARNER, SCENARIO

CONTEXT = labs.new("test", "kind-built", None, "cpu", 4, "kind-test")


def rendered(profile: str, over: dict | None = None) -> dict:
    given = deployment.values(profile, "llm-demo", over or {}, {})
    return {o["kind"]: o for part in deployment.BASE["server"] for o in render.manifest(part, **given)}


@pytest.mark.parametrize("profile", ["cpu", "gpu"])
def test_a_healthy_deployment_is_what_the_course_describes(profile):
    made = rendered(profile)
    (container,) = made["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert "--max-model-len=2048" in container["args"]
    assert made["PersistentVolumeClaim"]["metadata"]["name"] == "model-cache-pvc"
    assert made["PersistentVolumeClaim"]["spec"]["resources"]["requests"]["storage"] == "80Gi"
    assert made["Service"]["spec"]["ports"][0]["port"] == 8000
    volumes = {v["name"]: v for v in made["Deployment"]["spec"]["template"]["spec"]["volumes"]}
    assert volumes["shm"]["emptyDir"]["medium"] == "Memory"
    assert container["startupProbe"]["httpGet"]["path"] == "/health"


def test_flags_are_replaced_added_and_removed_by_values():
    over = {"server": {"flags": {"max-model-len": 1024, "enforce-eager": None, "tensor-parallel-size": 4}}}
    (container,) = rendered("cpu", over)["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["args"][1:] == ["--max-model-len=1024", "--tensor-parallel-size=4"]


def test_without_a_size_there_is_no_shared_memory_volume():
    spec = rendered("cpu", {"server": {"shm": False}})["Deployment"]["spec"]["template"]["spec"]
    assert [v["name"] for v in spec["volumes"]] == ["model-cache"]


def test_parameters_keep_their_type():
    given = deployment.values("cpu", "llm-demo", {"server": {"replicas": "{{ n }}"}}, {"n": 3})
    assert given["server"]["replicas"] == 3


@pytest.mark.parametrize("scenario", catalog.scenarios().values(), ids=lambda s: s.id)
@pytest.mark.parametrize("learner", ["ada", "20231234"])
def test_every_scenario_renders_with_its_fault_and_without(scenario, learner):
    made = deployment.rendered(CONTEXT, scenario, learner, "llm-demo", scenario.draw(learner))
    for wanted in (made.healthy, made.faulty):
        assert all(CONTEXT.labels.items() <= o["metadata"]["labels"].items() for o in wanted.objects)
        spaces = [o["metadata"]["labels"] for o in wanted.objects if o["kind"] == "Namespace"]
        assert all((s[EXERCISE], s[LEARNER], s[SCENARIO]) == ("llm-demo", learner, scenario.id) for s in spaces)
    assert made.healthy != made.faulty
    assert deployment.Rendered.model_validate_json(made.model_dump_json()) == made


def test_a_missing_value_is_named(tmp_path):
    template = tmp_path / "broken.yaml.j2"
    template.write_text("name: {{ nobody }}")
    with pytest.raises(LabError, match="nobody"):
        render.objects(template, {})


def test_strings_cannot_break_out_of_their_place(tmp_path):
    template = tmp_path / "args.yaml.j2"
    template.write_text("args:\n  - {{ value | yaml }}\n")
    nasty = "a\"b'c: {d}\n- e"
    assert render.objects(template, {"value": nasty}) == [{"args": [nasty]}]


@pytest.mark.parametrize("learner", ["20231234", "true", "null"])
def test_a_learner_may_be_called_like_a_number_or_a_word_of_yaml(learner):
    scenario = catalog.scenario("leaked-gpu")
    given = deployment.values("cpu", "123", {}, scenario.draw(learner))
    template = scenario.folder / "others.yaml.j2"
    made = render.objects(template, {**given, "learner": learner, "workers": 4, "faulty": True})
    leak = [o for o in made if o["metadata"]["name"].startswith(("123-last-week", "exercise-"))]
    assert [o["metadata"]["labels"]["owner"] for o in leak] == [learner, learner]


@pytest.mark.parametrize("part", deployment.BASE["server"])
def test_a_namespace_may_be_a_number(part):
    (made,) = render.manifest(part, **deployment.values("cpu", "123", {}, {}))
    assert "123" in (made["metadata"].get("namespace"), made["metadata"]["name"])


@given(st.text() | st.booleans() | st.integers() | st.lists(st.text()))
def test_a_value_stays_what_it_is_wherever_it_stands(value):
    text = render._flow(value)
    assert len(text.splitlines()) == 1
    assert yaml.safe_load(f"key: {text}") == {"key": value}
    assert yaml.safe_load(f"{{key: {text}, other: 1}}") == {"key": value, "other": 1}
