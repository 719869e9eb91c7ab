"""Loads are kept with the run that they were sent in, and are evidence of it, slim as well."""

import json
from datetime import UTC, datetime

import pytest

import making
from vlab import own_loads
from vlab.evidence import Evidence, slim, write
from vlab.runs import Run

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("VLAB_STATE", str(tmp_path))
    return Run(lab="x", scenario="load-test", learner="ada", namespace="n", parameters={}, started=BEGAN)


def load(seconds):
    measured = making.measured(making.request(0, 0.5, chunks=(100.5, 100.6)))
    return measured.model_copy(
        update={"loaded": measured.loaded.model_copy(update={"started": BEGAN.timestamp() + seconds})}
    )


def test_those_since_the_run_began_are_its_own_the_newest_last(run):
    for seconds in (5.0, -5.0, 1.0):
        own_loads.keep(run, load(seconds))
    assert own_loads.kept(run) == [load(1.0), load(5.0)]


def test_no_more_than_so_many_are_evidence(run):
    for seconds in range(1, own_loads.MOST + 3):
        own_loads.keep(run, load(seconds))
    assert [m.loaded.started - BEGAN.timestamp() for m in own_loads.kept(run)] == [3, 4, 5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b"[" * 9])
def test_a_file_that_is_none_is_left_out(run, content):
    own_loads.keep(run, load(1.0))
    (own_loads.folder(run) / "2.json").write_bytes(content)
    assert len(own_loads.kept(run)) == 1


def test_nothing_was_sent(run):
    assert own_loads.kept(run) == []


def test_what_the_engines_counted_is_said_by_short_names():
    names = {"vllm:request_success_total": 8.0, "vllm:e2e_request_latency_seconds_sum": 16.0}
    names |= {"vllm:e2e_request_latency_seconds_count": 8.0, "vllm:num_requests_running": 4.0}
    first, last = (making.MetricSample(t=t, pod="a", samples={k: v * t for k, v in names.items()}) for t in (0.0, 1.0))
    measured = load(1.0).model_copy(update={"metrics": (first, last)})
    assert own_loads.counted(measured) == {"requests": 8.0, "mean_latency_seconds": 2.0, "running_max": 4.0}


def test_a_slim_run_keeps_what_is_judged_of_each_load(tmp_path):
    def sample(t):
        kept = {"vllm:e2e_request_latency_seconds_sum": 1.0, "vllm:num_requests_waiting": 2.0}
        return making.MetricSample(t=t, pod="a", samples={**kept, "vllm:other": 3.0})

    measured = load(1.0).model_copy(update={"metrics": tuple(map(sample, (1.0, 2.0, 3.0)))})
    write(tmp_path / "whole", making.header(("loads",)), {"loads": [measured]})
    slim.pack(tmp_path / "whole", tmp_path / "slim.zip")
    (found,) = Evidence(tmp_path / "slim.zip").loads
    assert [sorted(s.samples) for s in found.metrics] == [
        ["vllm:e2e_request_latency_seconds_sum", "vllm:num_requests_waiting"],
        ["vllm:num_requests_waiting"],
        ["vllm:e2e_request_latency_seconds_sum", "vllm:num_requests_waiting"],
    ]
    assert found.requests[0].chunks == ()
    assert json.loads(Evidence(tmp_path / "whole").contents.files["loads.jsonl"])["requests"][0]["chunks"]
