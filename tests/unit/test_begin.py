"""A start whose measurement does not show the fault is refused, and measured anew: there is nothing to compare with."""

from datetime import UTC, datetime

import pytest

import making
from vlab import begin, catalog, machine, runs
from vlab.cluster.lab import new
from vlab.deployment import rendered
from vlab.errors import LabError
from vlab.measure import Before, _file
from vlab.runs import Run

LAB = new("x", "kind-built", None, "cpu", 4, "kind-x")
SHOWN = {
    "cache-saturated": Before(load=making.SATURATED),
    "mixed-traffic": Before(load=making.BESIDE_BATCH),
    "ingress-buffered": Before(stream=making.LUMPED),
}
HIDDEN = {
    "cache-saturated": Before(load=making.EASY),
    "mixed-traffic": Before(load=making.both(0.15, 10.0)),
    "ingress-buffered": Before(stream=making.FLOWING),
}


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("VLAB_STATE", str(tmp_path))


@pytest.fixture
def begun(request):
    scenario = catalog.scenario(request.param)
    drawn = scenario.draw("ada")
    run = Run(
        lab="x",
        scenario=scenario.id,
        learner="ada",
        namespace="n",
        parameters=drawn,
        started=datetime(2026, 1, 1, tzinfo=UTC),
    )
    runs.write_whole(run.wanted, rendered(LAB, scenario, "ada", "n", drawn).model_dump_json())
    return scenario, run


@pytest.mark.parametrize("begun", SHOWN, indirect=True)
def test_a_fault_that_shows_is_kept(begun):
    scenario, run = begun
    begin.refuse_unseen(LAB, scenario, run, SHOWN[scenario.id])


@pytest.mark.parametrize("begun", HIDDEN, indirect=True)
def test_a_fault_that_does_not_show_is_refused_and_measured_anew(begun):
    scenario, run = begun
    file = _file(LAB, run, scenario)
    runs.write_whole(file, HIDDEN[scenario.id].model_dump_json())
    with pytest.raises(LabError, match="does not show the fault") as caught:
        begin.refuse_unseen(LAB, scenario, run, HIDDEN[scenario.id])
    assert "--replace" in caught.value.hint
    assert not file.exists()


def test_every_scenario_that_is_measured_is_tried_here():
    assert SHOWN.keys() == HIDDEN.keys() == {s.id for s in catalog.scenarios().values() if s.measured}


@pytest.mark.parametrize(
    ("cpuinfo", "fits"),
    [
        ("processor\t: 0\nflags\t\t: fpu sse avx avx2 fma\n", False),
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512f avx512_bf16\n", True),
        ("processor\t: 0\nFeatures\t: fp asimd bf16\n", True),
        ("processor\t: 0\nFeatures\t: fp asimd\n", False),
        ("", True),
    ],
)
def test_processors_that_compute_in_what_the_model_is_stored_in(cpuinfo, fits):
    assert machine.in_bfloat16(cpuinfo) is fits


@pytest.mark.parametrize("dtype", ["", "float32"])
def test_an_engine_is_told_in_what_to_compute(dtype):
    lab = new("here", "kind-built", None, "cpu", 4, "kind-here")
    found = rendered(lab, catalog.scenario("shm-missing"), "ana", "llm-demo", {}, dtype=dtype)
    for each in (found.healthy, found.faulty):
        (server,) = (o for o in each.objects if o["kind"] == "Deployment")
        arguments = server["spec"]["template"]["spec"]["containers"][0]["args"]
        assert [a for a in arguments if "dtype" in a] == ([f"--dtype={dtype}"] if dtype else [])
