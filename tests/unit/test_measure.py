"""What a scenario's users send, and which measurement of a fault belongs to which exercise."""

from datetime import UTC, datetime

import pytest

import making
from vlab import catalog, measure, runs
from vlab.cluster.lab import new
from vlab.deployment import rendered
from vlab.errors import LabError
from vlab.runs import Run

LAB = new("x", "kind-built", None, "cpu", 4, "kind-x")
LOADED = [s for s in catalog.scenarios().values() if s.workload is not None]
MEASURED = [s for s in catalog.scenarios().values() if s.measured]


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("VLAB_STATE", str(tmp_path))


def run_of(scenario, learner="ada", namespace="llm-demo", parameters=None, lab=LAB):
    drawn = parameters or scenario.draw("ada")
    run = Run(
        lab=lab.name,
        scenario=scenario.id,
        learner=learner,
        namespace=namespace,
        parameters=drawn,
        started=datetime(2026, 1, 1, tzinfo=UTC),
    )
    runs.write_whole(run.wanted, rendered(lab, scenario, learner, namespace, drawn).model_dump_json())
    return run


@pytest.mark.parametrize("scenario", LOADED, ids=lambda s: s.id)
@pytest.mark.parametrize("profile", ["cpu", "gpu"])
@pytest.mark.parametrize("last", [False, True])
def test_a_scenarios_traffic_fits_what_was_promised(scenario, profile, last):
    parameters = scenario.end(last, profile)
    wanted = measure.workload_of(scenario, parameters)
    promised = catalog.merged(scenario.values, scenario.on(profile).values)["server"]["flags"].get(
        "max-model-len", 2048
    )
    for each in wanted.classes:
        words = each.prompt.words.high if hasattr(each.prompt.words, "high") else each.prompt.words.value
        tokens = each.output_tokens.high if hasattr(each.output_tokens, "high") else each.output_tokens.value
        assert words * 1.2 + tokens < promised
    assert wanted.prompts == "fresh"
    assert {c.name for c in wanted.classes} >= scenario.send.keys()


def test_a_scenario_without_traffic_says_so():
    with pytest.raises(LabError, match="has no traffic"):
        measure.workload_of(catalog.scenario("shm-missing"), {})


@pytest.mark.parametrize("scenario", MEASURED, ids=lambda s: s.id)
def test_one_fault_is_measured_once_whoevers_it_is_and_wherever(scenario):
    first = measure._file(LAB, run_of(scenario), scenario)
    assert measure._file(LAB, run_of(scenario, "eve", "llm-eve"), scenario) == first


@pytest.mark.parametrize("scenario", MEASURED, ids=lambda s: s.id)
def test_another_fault_is_measured_by_itself(scenario):
    first, last = (run_of(scenario, parameters=scenario.end(end)) for end in (False, True))
    other = new("x", "kind-built", None, "cpu", 4, "kind-x")
    files = {measure._file(lab, run, scenario) for lab, run in ((LAB, first), (LAB, last), (other, first))}
    assert len(files) == 3


def test_what_was_never_measured_is_no_empty_success():
    scenario = MEASURED[0]
    with pytest.raises(LabError, match="not known"):
        measure.read_before(LAB, run_of(scenario), scenario)


def test_what_was_measured_is_read_back():
    scenario = catalog.scenario("cache-saturated")
    run = run_of(scenario)
    whole = measure.Before(load=making.SATURATED, stream=making.LUMPED)
    runs.write_whole(measure._file(LAB, run, scenario), whole.model_dump_json())
    assert measure.read_before(LAB, run, scenario) == whole
    measure.forget_before(LAB, run, scenario)
    with pytest.raises(LabError):
        measure.read_before(LAB, run, scenario)


@pytest.mark.parametrize(("ingress_class", "kinds"), [("", 0), ("traefik", 1)])
def test_an_edge_is_behind_an_ingress_where_the_cluster_has_a_class(ingress_class, kinds):
    scenario = catalog.scenario("ingress-buffered")
    made = rendered(LAB, scenario, "ada", "n", scenario.draw("ada"), ingress_class=ingress_class)
    found = [o for o in made.faulty.objects if o["kind"] == "Ingress"]
    assert len(found) == kinds
    assert {o["spec"]["ingressClassName"] for o in found} <= {ingress_class}
