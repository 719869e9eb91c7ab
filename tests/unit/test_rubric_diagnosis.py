"""A diagnosis: the failing layer of the closed list, what shows it, and what was ruled out."""

import pytest

from test_rubric_texts import run_of
from vlab import catalog, rubric

RIGHT = {
    "cache-saturated": "Layer: cache\n\nEvidence: {{preemptions}} preemptions, {{waiting_max}} requests waiting.\n\n"
    "Ruled out: compute, since the GPU idles; network path, since nothing is between.",
    "ingress-buffered": "**Failing layer:** network path\n\n**Evidence:** {{edge_chunks}} chunk through the edge, "
    "{{direct_chunks}} directly.\n\n**Ruled out:** cache and compute: the direct stream is smooth.",
    "mixed-traffic": "Layer: compute\nEvidence: chat's TTFT p95 is {{chat_ttft_p95_mixed_s}} s beside batch.\n"
    "Ruled out: network path, storage.",
    "shm-missing": "Capa: memoria compartida\nEvidencia: /dev/shm tiene solo {{shm_mib}} MiB, CrashLoopBackOff\n"
    "Descartado: almacenamiento y planificación",
    "four-gpu-pending": "Layer: scheduling\nEvidence: the pod is Pending, it asks for four GPUs and no node has four.\n"
    "Ruled out: storage, the volume is bound.",
    "leaked-gpu": "Layer: scheduling\nEvidence: the pod is Pending; the GPUs are held by an old Deployment.\n"
    "Ruled out: start-up, nothing has started.",
}


def judged(scenario: str, text: str) -> dict[str, str | None]:
    run = run_of(scenario)
    found = rubric.diagnose(rubric.fill(text, rubric.figures(run)), catalog.scenario(scenario), run)
    return {c.id: c.verdict for c in found.criteria}


def test_every_scenario_is_here():
    assert RIGHT.keys() == catalog.scenarios().keys()


@pytest.mark.parametrize("scenario", RIGHT)
def test_a_right_diagnosis_passes(scenario):
    assert judged(scenario, RIGHT[scenario]) == dict.fromkeys(("layer_right", "evidence_shown", "ruled_out"), "pass")


@pytest.mark.parametrize(
    ("old", "new", "failing"),
    [
        ("Layer: cache", "Layer: compute", {"layer_right"}),
        ("Layer: cache", "Layer: cache, or maybe storage.\n\nLayer: network path", {"layer_right"}),
        ("{{preemptions}} preemptions, {{waiting_max}} requests waiting", "users complain", {"evidence_shown"}),
        ("{{waiting_max}}", "{{waiting_max*4}}", {"evidence_shown"}),
        ("compute, since the GPU idles", "cache, since it is empty", {"ruled_out"}),
        ("Ruled out: compute, since the GPU idles; network path, since nothing is between.", "", {"ruled_out"}),
    ],
)
def test_what_is_wrong_fails_for_itself(old, new, failing):
    found = judged("cache-saturated", RIGHT["cache-saturated"].replace(old, new))
    assert {name for name, verdict in found.items() if verdict != "pass"} == failing


def test_prose_is_read_too():
    text = (
        "The cache fails here: {{preemptions}} preemptions in one load. Compute can be ruled out, the CPU is half idle."
    )
    assert set(judged("cache-saturated", text).values()) == {"pass"}
