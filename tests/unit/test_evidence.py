"""Evidence: written whole, read back, refused when unknown; what was not recorded is not empty."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import making
from memory import peak
from vlab.errors import Exit, LabError
from vlab.evidence import (
    PARTS,
    Beginning,
    Calls,
    CannotTell,
    Collected,
    Evidence,
    Header,
    Loaded,
    MetricSample,
    Probe,
    Request,
    Stream,
    StreamPath,
    load,
    write,
)
from vlab.evidence.api import Answer, Asked, Counters
from vlab.evidence.record import LOG_CHARS
from vlab.evidence.schema import schemas
from vlab.evidence.schema import write as write_schemas

OK = Collected(ok=True, seconds=0.1)


def header(**collectors: Collected) -> Header:
    return making.header(collectors=collectors)


def request(**known) -> Request:
    return Request(**{"class_name": "chat", "index": 0, "requested_tokens": 4, **known})


POD = {"kind": "Pod", "metadata": {"name": "a"}}
STREAM = Stream(direct=StreamPath(url="u", status=200, events=2, reads=2, chunks=(0.1, 0.2)))
LOADED = Loaded(started=1.0, workload="w", nonce="n", via="witness", engines=("a",))
WHOLE = {
    "objects": {"start": [], "now": [POD]},
    "events": [{"kind": "Event", "metadata": {"name": "e"}}],
    "probes": [Probe(name="shm", pod="a", container="c", command=("df",), exit_code=0, stdout="ok", stderr="")],
    "metrics": [MetricSample(t=2.0, pod="a", samples={"vllm:x": 1.5}), MetricSample(t=1.0, pod="a", samples={})],
    "requests": [request(intended=1.0, sent=1.0, first_token=1.5, end=2.0, status=200)],
    "stream": STREAM,
    "loaded": LOADED,
    "metrics_before": [MetricSample(t=1.0, pod="a", samples={"vllm:x": 2.5})],
    "requests_before": [request(intended=0.0, sent=0.0, end=1.0, error="timeout")],
    "stream_before": STREAM,
    "loaded_before": LOADED,
    "api": Asked(via="witness", max_tokens=4, models=Answer(url="/v1/models", status=200), served=("smol",)),
    "plugins": [making.DEVICE_PLUGIN],
    "loads": [making.EASY],
    "volumes": [making.VOLUME],
    "calls": Calls(events=3, done=True, long=Beginning(prompt_tokens=40, queries=40.0, hits=32.0)),
}
ALL_OK = {part.collector: OK for part in PARTS.values()} | {"logs": OK, "answers": OK}


@pytest.fixture
def whole(tmp_path):
    write(
        tmp_path / "e",
        header(**ALL_OK),
        WHOLE,
        {"a--vllm.log": "hello\n", "a--vllm--previous.log": "died\n"},
        {"recommendation.md": "# Observed signal\n"},
    )
    return tmp_path / "e"


def test_what_was_written_is_read_back(whole):
    read = load(whole)
    assert read.objects == [POD]
    assert read.start == []
    assert read.events == WHOLE["events"]
    assert read.probes == {"shm": WHOLE["probes"]}
    assert [s.t for s in read.metrics] == [1.0, 2.0]
    assert list(read.requests) == WHOLE["requests"]
    assert list(read.before.requests) == WHOLE["requests_before"]
    assert (read.after.loaded, read.after.metrics[0].t) == (LOADED, 1.0)
    assert read.stream == WHOLE["stream"]
    assert read.api == WHOLE["api"]
    assert read.logs == {"a--vllm--previous.log": "died\n", "a--vllm.log": "hello\n"}
    assert read.answers == {"recommendation.md": "# Observed signal\n"}


def test_a_part_that_was_not_recorded_is_never_an_empty_success(tmp_path):
    write(tmp_path / "e", header(), {})
    read = load(tmp_path / "e")
    for part in (*PARTS, "start", "logs", "answers"):
        with pytest.raises(CannotTell, match="nothing was recorded"):
            getattr(read, part)


def test_each_collector_can_fail_alone(whole):
    failed = Collected(ok=False, reason="the API server went away", seconds=0.1)
    for name in {part.collector for part in PARTS.values()} | {"logs", "answers"}:
        file = whole / "evidence.json"
        file.write_text(header(**{**ALL_OK, name: failed}).model_dump_json())
        read = load(whole)
        for part in (*PARTS, "logs", "answers"):
            if name == (PARTS[part].collector if part in PARTS else part):
                with pytest.raises(CannotTell, match="went away"):
                    getattr(read, part)
            else:
                assert getattr(read, part)


def test_a_collector_that_left_nothing_behind_is_no_empty_success(whole):
    (whole / "requests.jsonl").unlink()
    with pytest.raises(CannotTell, match="requests"):
        _ = load(whole).requests


def test_a_part_that_is_not_of_its_type_becomes_its_collectors_failure(tmp_path):
    wrong = {"api": {"via": "witness"}, "events": [], "metrics": [{"t": float("nan"), "pod": "a", "samples": {}}]}
    write(tmp_path / "e", header(api=OK, events=OK, load=OK), wrong)
    read = load(tmp_path / "e")
    assert read.events == []
    with pytest.raises(CannotTell, match=r"api\.json came out wrong"):
        _ = read.api
    with pytest.raises(CannotTell, match=r"metrics\.jsonl came out wrong"):
        _ = read.metrics


@pytest.mark.parametrize(
    ("change", "words"),
    [({"schema_version": 1}, "version 1"), ({"nobody": 1}, "nobody: is not known"), ({"collectors": 3}, "collectors")],
)
def test_a_header_that_is_not_known_is_refused(whole, change, words):
    file = whole / "evidence.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(LabError, match=words):
        load(whole)


@pytest.mark.parametrize("name", [part.file for part in PARTS.values()])
def test_a_field_that_is_not_known_is_refused_in_every_file(whole, name):
    file = whole / name
    raw = json.loads(file.read_text().splitlines()[0] if name.endswith(".jsonl") else file.read_text())
    if name == "events.json":
        file.write_text('{"nobody": 1}')
    else:
        (raw[0] if isinstance(raw, list) else raw)["nobody"] = 1
        file.write_text(json.dumps(raw))
    with pytest.raises(LabError, match=f"{name}.*(nobody: is not known|valid array)"):
        load(whole)


@pytest.mark.parametrize("name", ["other.json", "logs/x.txt", "answers/x.py", "more/a.md", "logs/.hidden--x.log"])
def test_a_file_that_is_not_known_is_refused(whole, name):
    (whole / name).parent.mkdir(exist_ok=True)
    (whole / name).write_text("")
    with pytest.raises(LabError, match=name.removesuffix("a.md")):
        load(whole)


@pytest.mark.parametrize("make", ["empty", "missing", "file", "garbage"])
def test_what_is_no_evidence_is_refused(tmp_path, make):
    folder = tmp_path / "e"
    if make == "file":
        folder.write_text("")
    elif make != "missing":
        folder.mkdir()
    if make == "garbage":
        (folder / "evidence.json").write_bytes(b"\xff{")
    with pytest.raises(LabError, match=r"no evidence|not JSON"):
        load(folder)


def test_writing_again_replaces_all_and_leaves_nothing_beside_it(whole):
    write(whole, header(events=OK), {"events": []})
    assert {p.name for p in whole.iterdir()} == {"evidence.json", "events.json", "MANIFEST"}
    assert [p.name for p in whole.parent.iterdir()] == ["e"]


def test_a_failed_write_leaves_what_was_there(whole, monkeypatch):
    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("vlab.evidence.seal.close", full)
    with pytest.raises(LabError, match="no space") as caught:
        write(whole, header(), {})
    assert caught.value.exit_code is Exit.MACHINE
    assert load(whole).objects == [POD]
    assert [p.name for p in whole.parent.iterdir()] == ["e"]


@pytest.mark.parametrize(("most", "found"), [(30_000, "events.json came out wrong"), (10, "cannot record evidence")])
def test_a_full_disk_costs_what_does_not_fit_and_is_said(tmp_path, most, found):
    code = f"""
import resource, signal
from pathlib import Path
from vlab.errors import LabError
from vlab.evidence import load, write, Header
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}))
folder = Path({str(tmp_path / "e")!r})
header = Header.model_validate_json({header(events=OK).model_dump_json()!r})
try:
    write(folder, header, {{"events": [{{"kind": "Event", "message": "x" * 50_000}}]}})
    print(load(folder).header.collectors["events"].reason)
except LabError as e:
    print(e.message, e.exit_code)
"""
    done = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True, check=False)
    assert found in done.stdout, done.stderr
    assert {p.name for p in tmp_path.iterdir()} <= {"e"}


def cut_off():
    yield "INFO started\n"
    raise ConnectionError("the API server went away")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a--vllm.log", cut_off(), "ConnectionError: the API server went away"),
        ("a--vllm.log", Path("/nowhere"), "No such file"),
        ("../../escape.log", "x", "cannot be a file of logs/"),
    ],
    ids=["cut off", "not there", "escape"],
)
def test_a_log_that_cannot_be_kept_costs_only_itself(tmp_path, name, text, words):
    write(tmp_path / "e", header(logs=OK, events=OK), {"events": []}, {name: text, "b--vllm.log": "x"})
    read = load(tmp_path / "e")
    assert (read.events, read.logs) == ([], {"b--vllm.log": "x"})
    assert list(read.header.refused) == [f"logs/{name}"]
    assert words in read.header.refused[f"logs/{name}"]
    assert [p.name for p in tmp_path.iterdir()] == ["e"]


@pytest.mark.parametrize("stray", ["._recommendation.md", ".#x.md", "a/b.md", "x" * 2 + "\udcff.md"])
def test_one_stray_file_does_not_cost_the_other_answers(tmp_path, stray):
    known = header(answers=OK).model_copy(update={"refused": {"answers/early.md": "is a link"}})
    write(tmp_path / "e", known, {}, {}, {stray: "x", "recommendation.md": "good", "big.md": "x" * (1 << 21)})
    read = load(tmp_path / "e")
    assert read.answers["recommendation.md"] == "good"
    assert set(read.answers) == {"recommendation.md", "big.md"}
    assert len(read.header.refused) == 2
    assert read.header.refused["answers/early.md"] == "is a link"


def test_answers_may_be_called_as_the_learner_likes(tmp_path):
    names = ["my answer (2).md", "Empfehlung für Ada.md"]
    write(tmp_path / "e", header(answers=OK), {}, {}, dict.fromkeys(names, "x"))
    assert set(load(tmp_path / "e").answers) == set(names)


def test_rows_that_stop_coming_are_their_collectors_failure(tmp_path):
    def rows():
        yield WHOLE["metrics"][0]
        raise TimeoutError("took longer than 60 s")

    write(tmp_path / "e", header(load=OK), {"metrics": rows()})
    with pytest.raises(CannotTell, match="took longer"):
        _ = load(tmp_path / "e").metrics


def test_of_a_long_log_the_end_is_kept_and_the_loss_is_said(tmp_path):
    write(tmp_path / "e", header(logs=OK), {}, {"a--vllm.log": "x" * LOG_CHARS * 3 + "the end"})
    kept = Evidence(tmp_path / "e").logs["a--vllm.log"]
    assert kept.endswith("the end")
    assert kept.splitlines()[0] == f"[the first {2 * LOG_CHARS + 7} characters are left out]"
    assert len(kept) < LOG_CHARS * 1.1


def test_a_secret_across_the_cut_is_removed(tmp_path):
    secret = "s3cr3t" * 20
    for offset in range(0, 140, 31):
        text = f"Authorization: Bearer {secret}\n"
        text += "x" * (LOG_CHARS - len(text) + offset)
        write(tmp_path / "e", header(logs=OK), {}, {"a--vllm.log": text})
        assert "s3cr3t" not in Evidence(tmp_path / "e").logs["a--vllm.log"]


@pytest.mark.parametrize("as_file", [True, False], ids=["file", "pieces"])
def test_a_hundred_megabytes_of_logs_do_not_fill_the_memory(tmp_path, as_file):
    line = "INFO 01-01 00:00:00 loggers.py:111] Engine 000: Avg prompt throughput: 0.0 toks/s\n" * 1000
    count = 100_000_000 // len(line)
    log = tmp_path / "long.log"
    if as_file:
        with log.open("w") as sink:
            sink.writelines(line for _ in range(count))
    write(tmp_path / "first", header(logs=OK), {}, {"a--vllm.log": "what is imported late is imported now"})
    logs = {"a--vllm.log": log if as_file else (line for _ in range(count))}
    assert peak(lambda: write(tmp_path / "e", header(logs=OK), {}, logs)) < 16_000_000
    assert Evidence(tmp_path / "e").logs["a--vllm.log"].endswith(line[-80:])


def test_figures_of_requests_streams_and_answers():
    whole = request(intended=1, sent=2, first_token=3, chunks=(3, 3.5, 5), end=5, output_tokens=5)
    assert (whole.ok, whole.ttft, whole.latency, whole.gaps) == (True, 2, 4, (0.5, 1.5))
    assert whole.time_per_output_token == 0.5
    cut = request(intended=1, sent=2, end=5, error="timeout")
    assert (cut.ok, cut.ttft, cut.time_per_output_token) == (False, None, None)
    path = StreamPath(url="u", events=60, reads=1, chunks=(2.1,))
    assert path.first_chunk == 2.1
    assert path.reads_per_event == pytest.approx(1 / 60)
    assert StreamPath(url="u").reads_per_event is None
    assert StreamPath(url="u").first_chunk is None
    assert Counters(before={"a": 1.0}, after={"a": 3.0, "b": 2.0}).risen("a") == 2.0
    assert Counters(before={"a": 1.0}, after={"a": 3.0, "b": 2.0}).risen("b") == 2.0


@pytest.mark.parametrize("known", [{"status": 200}, {"status": 404}, {"error": "garbage"}, {"error": "endless"}])
def test_what_answers_is_heard_right_or_wrong(known):
    assert Answer(url="/", **known).heard


@pytest.mark.parametrize("error", ["refused", "timeout", "cut", "unreachable", "unknown-name", ""])
def test_what_gave_no_answer_was_not_heard(error):
    assert not Answer(url="/", error=error).heard


def test_every_file_keeps_to_its_schema(whole):
    found = schemas()
    for file in [f for f in whole.iterdir() if f.suffix in (".json", ".jsonl")]:
        schema = found[f"{file.stem}.schema.json"]
        jsonschema.Draft202012Validator.check_schema(schema)
        values = file.read_text().splitlines() if file.suffix == ".jsonl" else [file.read_text()]
        for value in values:
            jsonschema.validate(json.loads(value), schema)


def test_schemas_are_written_once(tmp_path):
    assert {f.name for f in write_schemas(tmp_path / "s")} == set(schemas())
    assert write_schemas(tmp_path / "s") == []


names = st.text("abc-", min_size=1, max_size=5)
finite = st.floats(allow_nan=False, allow_infinity=False)
samples = st.builds(MetricSample, t=finite, pod=names, samples=st.dictionaries(names, finite, max_size=3))
requests = st.builds(
    Request,
    class_name=names,
    index=st.integers(0, 10**6),
    requested_tokens=st.integers(1, 10**6),
    path=st.sampled_from(["direct", "edge"]),
    intended=finite,
    sent=finite,
    first_token=st.none() | finite,
    chunks=st.lists(finite, max_size=3).map(tuple),
    end=finite,
    prompt_tokens=st.none() | st.integers(0, 10**6),
    status=st.none() | st.integers(100, 599),
    error=st.none() | names,
    detail=st.none() | names,
)


@settings(max_examples=25)
@given(st.lists(samples, max_size=4), st.lists(requests, max_size=4))
def test_any_samples_and_requests_survive_the_round_trip(tmp_path_factory, metrics, sent):
    folder = tmp_path_factory.mktemp("round") / "e"
    write(folder, header(load=OK), {"metrics": iter(metrics), "requests": iter(sent)})
    read = load(folder)
    assert read.metrics == tuple(sorted(metrics, key=lambda s: s.t))
    assert read.requests == tuple(sorted(sent, key=lambda r: r.intended))
