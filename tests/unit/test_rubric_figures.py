"""A recorded run's figures by name, and the placeholders that they fill."""

import json

import pytest

from vlab import catalog, cli, rubric
from vlab.errors import LabError
from vlab.evidence import load
from vlab.rubric.figures import table

NAMES = {
    "cache-saturated": {
        *("kv_usage_max", "kv_usage_max_pct", "waiting_max", "running_max", "preemptions", "ttft_p50_s", "ttft_p95_s"),
        *("ttft_p95_ms", "throughput_tok_s", "mean_latency_s", "p95_latency_s"),
    },
    "ingress-buffered": {"direct_chunks", "edge_chunks", "events", "edge_first_chunk_s", "direct_first_chunk_ms"},
    "mixed-traffic": {"chat_ttft_p95_alone_s", "chat_ttft_p95_mixed_s", "waiting_max", "kv_usage_max"},
    "shm-missing": {"shm_mib"},
}


def recorded(scenario: str, phase: str = "faulty"):
    return load(catalog.scenario(scenario).recorded[phase])


@pytest.mark.parametrize("scenario", NAMES)
@pytest.mark.parametrize("phase", ["faulty", "solved"])
def test_every_name_of_a_scenario_is_there_in_every_phase(scenario, phase):
    found = rubric.figures(recorded(scenario, phase))
    assert found.keys() >= NAMES[scenario]


@pytest.mark.parametrize("scenario", NAMES)
def test_a_mended_run_has_the_figures_of_the_faulty_deployment(scenario):
    """Both were recorded after one start."""
    assert rubric.figures(recorded(scenario, "solved")) == rubric.figures(recorded(scenario))


def test_figures_say_what_the_incident_is():
    saturated, buffered, mixed = map(rubric.figures, map(recorded, list(NAMES)[:3]))
    assert saturated["kv_usage_max"] > 0.9 and saturated["preemptions"] > 5
    assert saturated["ttft_p95_ms"] == pytest.approx(1000 * saturated["ttft_p95_s"], rel=0.01)
    assert buffered["edge_chunks"] < buffered["events"] / 4 and buffered["direct_chunks"] > buffered["events"] / 2
    assert mixed["chat_ttft_p95_alone_s"] < mixed["chat_ttft_p95_mixed_s"] / 2
    assert rubric.figures(recorded("shm-missing"))["shm_mib"] == 64


def test_a_table_has_what_was_measured_after_the_mending_too():
    after = [f for f in table(recorded("cache-saturated", "solved")) if f.when == "after"]
    assert next(f.value for f in after if f.metric == "preemptions") == 0


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{{n}} and {{x}}", "18 and 7.87"),
        ("{{~x}} {{,x}}", "8 7,87"),
        ("{{n*4}} {{n/2}} {{x/2}} {{x*4}}", "72 9 3.94 31.48"),
        ("no placeholder: { {n} }", "no placeholder: { {n} }"),
    ],
)
def test_placeholders(text, filled):
    assert rubric.fill(text, {"n": 18, "x": 7.87}) == filled


def test_a_placeholder_that_no_figure_fills():
    with pytest.raises(LabError, match="waiting_max"):
        rubric.fill("{{waiting_max}}", {"n": 1})


def test_the_command_prints_them(capsys):
    path = catalog.scenario("shm-missing").recorded["faulty"]
    assert cli.run(["evidence", "figures", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"shm_mib": 64}
