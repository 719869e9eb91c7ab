"""Recorded runs, read with the real kubectl, and every one of them as tables."""

import http.client
import json
import os
import pty
import select
import subprocess
import sys
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from vlab import catalog, evidence, paths
from vlab.cluster import objects
from vlab.cluster.kubectl import kubectl_path
from vlab.errors import Exit, LabError
from vlab.playback import ages, recording, selectors, serve, shell
from vlab.playback.kinds import kinds
from vlab.playback.tables import pod_status, table

RECORDED = [file for s in catalog.scenarios().values() for file in s.recorded.values()]
SHM = catalog.scenarios()["shm-missing"].folder / "evidence"
LEAK = catalog.scenarios()["leaked-gpu"].folder / "evidence"
AT = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def program():
    try:
        return kubectl_path()
    except LabError:
        pytest.skip("no kubectl on this machine")


@pytest.fixture
def kubectl(program, capfd):
    """Runs kubectl on a recorded run: its exit code, what it printed, what it said."""

    def run(file: Path, *words: str, start: bool = False) -> tuple[int, str, str]:
        capfd.readouterr()
        code = shell.kubectl(recording(evidence.load(file), start=start), program, words)
        return code, *capfd.readouterr()

    return run


def pod_of(file: Path) -> str:
    return next(o["metadata"]["name"] for o in evidence.load(file).objects if o["kind"] == "Pod")


def test_pods_as_the_cluster_showed_them_with_ages_of_then(kubectl):
    code, out, err = kubectl(SHM / "faulty.zip", "get", "pods")
    assert (code, err) == (0, "")
    head, row = out.splitlines()
    assert head.split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert row.split() == [pod_of(SHM / "faulty.zip"), "0/1", "CrashLoopBackOff", "1", "(1s", "ago)", "33s"]


def test_all_shows_each_kind_with_its_columns(kubectl):
    _, out, _ = kubectl(SHM / "solved.zip", "get", "all", "-o", "wide")
    for words in ("pod/vllm-server-", "service/vllm-server", "deployment.apps/vllm-server", "replicaset.apps/vllm-"):
        assert words in out
    assert "UP-TO-DATE" in out and "NOMINATED NODE" in out and "SELECTOR" in out


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["get", "deploy", "vllm-server", "-o", "jsonpath={.spec.replicas}"], ["1"]),
        (["get", "po", "-l", "app in (vllm-server),!old", "-o", "name"], ["pod/POD"]),
        (["get", "pods", "-l", "app!=vllm-server"], []),
        (["get", "pods", "--field-selector", "status.phase=Pending", "-o", "name"], []),
        (["get", "no", "--no-headers", "-o", "custom-columns=N:.metadata.name", "-l", "nvidia.com/gpu.count=1"], None),
        (["logs", "POD", "--previous", "--tail=1"], ["RuntimeError: Engine core initialization failed."]),
        (
            ["logs", "deploy/vllm-server", "-c", "vllm", "--tail=1"],
            ["RuntimeError: Engine core initialization failed."],
        ),
    ],
)
def test_what_kubectl_asks_it_gets(kubectl, words, lines):
    pod = pod_of(SHM / "faulty.zip")
    code, out, _ = kubectl(SHM / "faulty.zip", *(w.replace("POD", pod) for w in words))
    assert code == 0
    if lines is None:
        assert out.split() == ["vlab-worker", "vlab-worker2", "vlab-worker3", "vlab-worker4"]
    else:
        assert len(out.splitlines()) == len(lines)
        assert all(got.startswith(want.replace("POD", pod)) for got, want in zip(out.splitlines(), lines, strict=True))


def test_an_object_is_shown_as_it_was_recorded(kubectl):
    file = SHM / "faulty.zip"
    _, out, _ = kubectl(file, "get", "pod", pod_of(file), "-o", "yaml")
    recorded = next(o for o in evidence.load(file).objects if o["kind"] == "Pod")
    assert yaml.safe_load(out) == recorded


def test_describe_has_events_and_counts_their_ages_from_the_recording(kubectl):
    code, out, _ = kubectl(SHM / "faulty.zip", "describe", "pod", "-l", "app=vllm-server")
    assert code == 0
    events = out[out.index("Events:") :]
    ages_seen = [line.split()[2] for line in events.splitlines()[3:]]
    assert len(ages_seen) == 5
    assert all(age.endswith("s") and int(age[:-1]) < 60 for age in ages_seen), ages_seen
    assert "Wed, 25 Nov 2026 01:32:22" in out, "a time that is shown as a time stays as it was"
    code, out, _ = kubectl(SHM / "faulty.zip", "events")
    assert code == 0
    assert all(line.split()[0].endswith("s") for line in out.splitlines()[1:])
    assert len(out.splitlines()) == 12


def test_the_pods_of_a_node_are_as_old_as_then(kubectl):
    _, out, err = kubectl(LEAK / "faulty.zip", "describe", "node", "vlab-worker")
    row = next(line for line in out.splitlines() if "exercise-5-" in line)
    assert row.split()[-1] in ("33s", "34s", "35s")
    assert "of other namespaces only pods that hold GPUs" in err


def test_every_namespace_of_the_exercise_and_a_warning_of_the_rest(kubectl):
    code, out, err = kubectl(LEAK / "faulty.zip", "get", "pods", "-A")
    assert code == 0
    assert {line.split()[0] for line in out.splitlines()[1:]} == {
        "vlab-gate",
        "vlab-gate-last-week",
        "vlab-gate-neighbour",
    }
    assert err.startswith("Warning: this recording has pods of vlab-gate, ")


@pytest.mark.parametrize(
    "words",
    [
        ["delete", "pod", "POD"],
        ["scale", "deploy/vllm-server", "--replicas=2"],
        ["rollout", "restart", "deploy/vllm-server"],
        ["exec", "POD", "--", "ls"],
        ["port-forward", "POD", "8000"],
        ["create", "configmap", "x"],
        ["apply", "-f", "FILE"],
        ["get", "pods", "--watch-only"],
    ],
    ids=lambda words: words[0],
)
def test_what_is_past_is_refused_in_a_line_and_a_hint(kubectl, tmp_path, words):
    file = tmp_path / "x.yaml"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}))
    known = {"POD": pod_of(SHM / "faulty.zip"), "FILE": str(file)}
    code, out, err = kubectl(SHM / "faulty.zip", *(known.get(w, w) for w in words))
    assert (code, out) == (1, "")
    message, hint = err.strip().splitlines()
    assert message.endswith("this is a recording: nothing runs in it and nothing can be changed")
    assert hint == "hint: `vlab start shm-missing` makes the exercise anew, on a lab"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["get", "pv"], "not recorded: persistentvolumes"),
        (["get", "secrets", "-n", "kube-system"], "not recorded: secrets in namespace kube-system"),
        (["get", "pod", "x", "-n", "kube-system"], "not recorded: namespace kube-system"),
        (["logs", "deploy/vllm-server", "--since=5m"], "not recorded: the times of a log's lines"),
        (["get", "ns", "default"], "not recorded: namespace default"),
        (["get", "leases"], "not recorded: leases"),
        (["auth", "can-i", "get", "pods"], "not recorded: who may do what"),
    ],
)
def test_what_was_not_recorded_is_said_to_be_so(kubectl, words, said):
    code, out, err = kubectl(SHM / "faulty.zip", *words)
    assert (code, out) == (1, "")
    message, hint = err.strip().splitlines()
    assert message.endswith(said) and hint.startswith("hint: ")


def test_what_was_recorded_as_absent_is_absent(kubectl):
    code, out, err = kubectl(SHM / "faulty.zip", "get", "jobs,secrets")
    assert (code, out, err) == (0, "", "No resources found in vlab-gate namespace.\n")
    code, _, err = kubectl(SHM / "faulty.zip", "get", "pod", "nope")
    assert (code, err) == (1, 'Error from server (NotFound): pods "nope" not found\n')
    code, _, err = kubectl(LEAK / "faulty.zip", "logs", "deploy/vllm-server")
    assert code == 1 and "does not have a host assigned" in err


def test_waiting_ends_where_it_was_reached_and_at_its_limit_where_not(kubectl):
    code, out, err = kubectl(SHM / "solved.zip", "rollout", "status", "deploy/vllm-server")
    assert (code, out) == (0, 'deployment "vllm-server" successfully rolled out\n')
    began = time.monotonic()
    code, _, err = kubectl(SHM / "faulty.zip", "wait", "--for=condition=Ready", "pod", "--all", "--timeout=1s")
    assert code == 1 and "nothing changes in it" in err and "timed out" in err
    assert time.monotonic() - began < 10


def test_the_start_has_other_objects_and_no_events(kubectl):
    file = LEAK / "also-delete-deployment-only.zip"
    now, start = (kubectl(file, "get", "pods", "-A", "-o", "name", start=s)[1].splitlines() for s in (False, True))
    assert sum("exercise-5" in line for line in start) == 3
    assert not any("exercise-5" in line for line in now)
    code, out, err = kubectl(file, "events", start=True)
    assert code == 1 and "recorded when the run was graded" in err
    _, out, _ = kubectl(file, "get", "deploy", "vllm-server", start=True)
    assert out.split()[-1].endswith("s"), "ages are seen from the start"


# What every recorded run is


@pytest.mark.parametrize("file", RECORDED, ids=lambda f: f"{f.parents[1].name}-{f.stem}")
def test_every_object_of_every_run_has_a_row(file):
    for start in (False, True):
        shown = recording(evidence.load(file), start=start)
        for kind in shown.kinds:
            if not kind.recorded or (kind.name == "Event" and shown.no_events):
                continue
            answer = shown.answer("GET", f"{kind.root}/{kind.plural}", {}, {"accept": "application/json;as=Table"})
            assert answer.status == 200, answer.body
            found = json.loads(answer.body)
            source = shown.events if kind.name == "Event" else [o for o in shown.objects if o["kind"] == kind.name]
            assert [r["object"]["metadata"] for r in found["rows"]] == [o["metadata"] for o in source]
            assert all(len(r["cells"]) == len(found["columnDefinitions"]) for r in found["rows"])


def test_the_kinds_agree_with_what_is_collected():
    known = {k.plural: k for k in kinds(())}
    assert {p for p in objects._PASSING if p in known and p != "events"} == {
        k.plural for k in known.values() if k.namespaced and not k.recorded
    }
    wide = {k.plural for k in known.values() if not k.namespaced and k.recorded}
    assert wide == {"namespaces", "nodes", *objects.CLUSTER_WIDE}
    named = {o["kind"] for f in RECORDED for o in evidence.load(f).objects}
    assert named <= {k.name for k in known.values()}


# Its parts


def pod(status: dict, **metadata) -> dict:
    return {
        "kind": "Pod",
        "metadata": {"name": "p", **metadata},
        "spec": {"containers": [{"name": "a"}]},
        "status": status,
    }


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (pod({"phase": "Pending"}), "Pending"),
        (pod({"phase": "Failed", "reason": "Evicted"}), "Evicted"),
        (pod({"phase": "Running"}, deletionTimestamp="2026-01-01T00:00:00Z"), "Terminating"),
        (pod({"phase": "Running", "containerStatuses": [{"name": "a", "state": {"running": {}}}]}), "Running"),
        (
            pod(
                {
                    "phase": "Pending",
                    "containerStatuses": [{"name": "a", "state": {"waiting": {"reason": "ImagePullBackOff"}}}],
                }
            ),
            "ImagePullBackOff",
        ),
        (
            pod(
                {
                    "phase": "Running",
                    "containerStatuses": [{"name": "a", "state": {"terminated": {"reason": "OOMKilled"}}}],
                }
            ),
            "OOMKilled",
        ),
        (
            pod({"phase": "Failed", "containerStatuses": [{"name": "a", "state": {"terminated": {"exitCode": 3}}}]}),
            "ExitCode:3",
        ),
        (
            {
                **pod({"phase": "Pending", "initContainerStatuses": [{"name": "i", "state": {"running": {}}}]}),
                "spec": {"initContainers": [{"name": "i"}], "containers": [{"name": "a"}]},
            },
            "Init:0/1",
        ),
    ],
)
def test_what_a_pod_is_said_to_be(found, said):
    assert pod_status(found) == said


def test_of_somebody_elses_pod_no_more_is_said_than_is_known():
    found = pod({"phase": "Running"})
    found["spec"]["nodeName"] = "n"
    row = table([found], "Pod", AT, whole=False)["rows"][0]["cells"]
    assert row[:5] == ["p", "?/1", "Running", "?", "<unknown>"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (200, "3m20s"),
        (600, "10m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 65, "3h1m"),
        (8 * 3600 + 65, "8h"),
        (47 * 3600, "47h"),
        (49 * 3600, "2d1h"),
        (9 * 86400 + 7200, "9d"),
        (3 * 365 * 86400 + 86400, "3y1d"),
        (9 * 365 * 86400 + 86400, "9y"),
    ],
)
def test_ages(seconds, said):
    assert ages.duration(timedelta(seconds=seconds)) == said


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("", True),
        ("a=1", True),
        ("a==1,b", True),
        ("a!=1", False),
        ("c!=1", True),
        ("!c", True),
        ("b in (x, y)", True),
        ("b notin (x,y)", False),
        ("c notin (x)", True),
        ("a=1,c", False),
    ],
)
def test_label_selectors(text, selected):
    assert selectors.labels(text)({"metadata": {"labels": {"a": "1", "b": "x"}}}) is selected


def test_a_selector_that_is_none_is_refused():
    with pytest.raises(selectors.Unreadable, match="unable to parse"):
        selectors.labels("a in x")
    with pytest.raises(selectors.Unreadable, match=r"field label not supported: spec\.x"):
        selectors.fields("spec.x=1", "Pod")


# Who may ask


def ask(url: str, path: str) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=5)
    connection.request("GET", path)
    return connection.getresponse().status


def test_only_who_was_told_the_path_is_answered():
    with serve(recording(evidence.load(SHM / "faulty.zip"))) as url:
        assert urlsplit(url).hostname == "127.0.0.1"
        secret = urlsplit(url).path
        assert ask(url, f"{secret}/api/v1/pods") == 200
        assert ask(url, "/api/v1/pods") == 403
        assert ask(url, f"{secret[:-1]}/api/v1/pods") == 403
        assert ask(url, "/") == 403


def test_a_malformed_object_costs_only_its_own_answer(tmp_path):
    whole = evidence.load(SHM / "faulty.zip")
    whole.objects.append({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "odd", "namespace": "vlab-gate"}})
    with serve(recording(whole)) as url:
        secret = urlsplit(url).path
        assert ask(url, f"{secret}/api/v1/namespaces/vlab-gate/pods/odd/log") == 500
        assert ask(url, f"{secret}/api/v1/namespaces/vlab-gate/services") == 200
    whole.objects.append({"kind": "Pod"})
    with pytest.raises(LabError, match="an object that is none"):
        recording(whole)


# The command


def vlab(*words: str, **more) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", "from vlab.cli import main; main()", "evidence", "shell", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=50, **more)


def test_one_command_has_its_exit_code(program):
    done = vlab(str(SHM / "faulty.zip"), "--", "get", "deploy", "-o", "name")
    assert (done.returncode, done.stdout, done.stderr) == (0, "deployment.apps/vllm-server\n", "")
    done = vlab(str(SHM / "faulty.zip"), "--start", "--", "get", "pod", "nope", "-o", "name")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == 'Error from server (NotFound): pods "nope" not found\n'


def test_what_was_changed_since_is_said_to_be_so(program, tmp_path):
    with zipfile.ZipFile(SHM / "faulty.zip") as archive:
        archive.extractall(tmp_path)
    (tmp_path / "events.json").write_text("[]")
    done = vlab(str(tmp_path), "--", "events")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines()[0] == "this is not as it was recorded: changed: events.json"


def test_no_evidence_is_a_line_and_a_hint(tmp_path):
    done = vlab(str(tmp_path), "--", "get", "pods")
    assert done.returncode == Exit.USAGE
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["error", "hint"]


def test_a_run_without_objects_cannot_be_shown(tmp_path):
    header = evidence.Header(
        vlab="0",
        scenario="s",
        learner="ada",
        namespace="n",
        profile="cpu",
        started=AT,
        seconds=1.0,
        collectors={"objects": evidence.Collected(ok=False, reason="no lab answered")},
    )
    evidence.write(tmp_path / "run", header, {})
    with pytest.raises(LabError, match="no lab answered"):
        recording(evidence.load(tmp_path / "run"))


def test_the_shell_has_a_marked_prompt_and_talks_to_the_recording(program, tmp_path):
    (tmp_path / ".bashrc").write_text("PS1='mine> '\nexport KUBECONFIG=/nowhere\n")
    command = [sys.executable, "-c", "from vlab.cli import main; main()", "evidence", "shell", str(SHM / "faulty.zip")]
    child, terminal = pty.fork()
    if child == 0:
        own = {"SHELL": "bash", "HOME": str(tmp_path), "TERM": "dumb", "VLAB_CACHE": str(paths.cache())}
        os.execve(command[0], command, {**os.environ, **own})  # noqa: S606
    try:
        seen = _until(terminal, b"(shm-missing, recorded) mine> ")
        os.write(terminal, b"ls -l $KUBECONFIG; kubectl get deploy -o name; exit 3\n")
        seen = _until(terminal, None)
        assert b"deployment.apps/vllm-server" in seen
        assert b"-rw------- " in seen
    finally:
        os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3


def _until(terminal: int, words: bytes | None) -> bytes:
    seen, end = b"", time.monotonic() + 40
    while time.monotonic() < end and (words is None or words not in seen):
        if select.select([terminal], [], [], 1)[0]:
            try:
                seen += os.read(terminal, 4096)
            except OSError:  # its other side is closed
                return seen
    assert words is None or words in seen, seen
    return seen
