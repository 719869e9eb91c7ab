"""Evidence: written whole, read back, refused when unknown, without secrets; what was not recorded is not empty."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlab.errors import LabError
from vlab.evidence import CannotTell, Collected, Evidence, Header, write
from vlab.evidence.folder import LOG_BYTES
from vlab.evidence.redact import MASK, redacted, redacted_text


def header(**collectors: Collected) -> Header:
    return Header(
        vlab="0",
        scenario="four-gpu-pending",
        learner="ada",
        namespace="llm-demo",
        profile="cpu",
        started=datetime(2026, 1, 1, tzinfo=UTC),
        seconds=1.0,
        collectors=collectors,
    )


OK = Collected(ok=True, seconds=0.1)


def test_what_was_written_is_read_back(tmp_path):
    pod = {"kind": "Pod", "metadata": {"name": "a"}}
    parts = {"objects": {"start": [], "now": [pod]}, "events": []}
    write(tmp_path / "e", header(objects=OK, events=OK, logs=OK), parts, {"a--vllm.log": "hello\n"})
    read = Evidence(tmp_path / "e")
    assert read.objects == [pod]
    assert read.baseline == []
    assert read.events == []
    assert read.logs == {"a--vllm.log": "hello\n"}


def test_a_part_whose_collector_failed_is_never_an_empty_success(tmp_path):
    failed = Collected(ok=False, reason="the API server went away", seconds=0.1)
    write(tmp_path / "e", header(objects=failed), {}, {})
    with pytest.raises(CannotTell, match="went away"):
        _ = Evidence(tmp_path / "e").objects


def test_a_part_that_was_not_recorded_is_never_an_empty_success(tmp_path):
    write(tmp_path / "e", header(), {}, {})
    read = Evidence(tmp_path / "e")
    for part in ("objects", "events", "logs", "api", "probes"):
        with pytest.raises(CannotTell):
            getattr(read, part)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"schema_version": 2}, "version 2"), ({"nobody": 1}, "nobody"), ({"collectors": 3}, "collectors")],
)
def test_evidence_that_is_not_known_is_refused(tmp_path, change, words):
    write(tmp_path / "e", header(), {}, {})
    file = tmp_path / "e" / "evidence.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(LabError, match=words):
        Evidence(tmp_path / "e")


def test_a_folder_without_evidence_is_refused(tmp_path):
    with pytest.raises(LabError, match="no evidence"):
        Evidence(tmp_path)


def test_of_a_long_log_the_end_is_kept_and_the_loss_is_said(tmp_path):
    write(tmp_path / "e", header(logs=OK), {}, {"a--vllm.log": "x" * LOG_BYTES * 3 + "the end"})
    kept = Evidence(tmp_path / "e").logs["a--vllm.log"]
    assert kept.endswith("the end")
    assert "left out" in kept.splitlines()[0]
    assert len(kept) < LOG_BYTES * 1.1


SECRET = "s3cr3t-v4lue-xyz"


@pytest.mark.parametrize(
    "value",
    [
        {"kind": "Secret", "metadata": {"name": "a"}, "data": {"anything": SECRET}, "stringData": {"b": SECRET}},
        {"env": [{"name": "VLLM_API_KEY", "value": SECRET}]},
        {"env": [{"name": "HF_TOKEN", "value": SECRET}]},
        {"args": ["--api-key", SECRET, "--port=8000"]},
        {"args": [f"--api-key={SECRET}"]},
        {"headers": {"Authorization": f"Bearer {SECRET}"}},
        {"metadata": {"managedFields": [{"x": SECRET}]}},
        {"annotation": json.dumps({"args": [f"--api-key={SECRET}"]})},
    ],
)
def test_objects_lose_their_secrets(value):
    assert SECRET not in json.dumps(redacted(value))


@pytest.mark.parametrize(
    "line",
    [
        f"started with --api-key {SECRET} --port 8000",
        f"Authorization: Bearer {SECRET}",
        f"VLLM_API_KEY={SECRET}",
        f"args: {{'HF_TOKEN': '{SECRET}'}}",
        "eyJhbGciOiJSUzI1NiJ9abc.eyJpc3MiOiJrdWJlIn0xyz.s3cr3t-v4lue-xyz",
    ],
)
def test_logs_lose_their_secrets(line):
    cleaned = redacted_text(line)
    assert SECRET not in cleaned
    assert MASK in cleaned


def test_what_is_no_secret_stays():
    pod = {
        "kind": "Pod",
        "spec": {"containers": [{"args": ["--max-num-batched-tokens=2048"], "env": [{"name": "A", "value": "b"}]}]},
        "message": "0/5 nodes are available: 4 Insufficient nvidia.com/gpu.",
    }
    assert redacted(pod) == pod


json_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["a", "b c", "--port"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=20,
)


@given(json_data)
def test_redacting_leaves_other_data_alone_and_is_done_once(value):
    assert redacted(value) == value
    assert redacted(redacted(value)) == redacted(value)
