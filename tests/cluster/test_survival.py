"""Bad luck while a right mending is graded: the verdict is right or in doubt with a reason, and nothing is lost."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from harness import NAME, PODMAN, SCRIPT, brought_up, run_vlab
from vlab import freshness
from vlab.selection import drawn
from vlab.settings import SYSTEM

pytestmark = pytest.mark.cluster

SCENARIO = "four-gpu-pending"
SPACE = "llm-demo"


KILL_CORE = """
import os
for pid in filter(str.isdigit, os.listdir("/proc")):
    if "EngineCor" in open(f"/proc/{pid}/comm").read():
        os.kill(int(pid), 9)
"""


def begin(*arguments: str, **env: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [SCRIPT, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "VLAB_NAME": NAME, **env},
    )


def graded(*more: str, timeout: str = "240", **env: str) -> dict:
    """The report of one grading; no traceback, whatever happened."""
    return report_of(begin("grade", SCENARIO, "--json", "--timeout", timeout, *more, **env))


def report_of(process: "subprocess.Popen[str]") -> dict:
    out, err = process.communicate(timeout=600)
    assert "Traceback" not in err, err
    assert "a bug in vlab" not in err, err
    assert process.returncode in (0, 1, 6), err
    return json.loads(out)


def verdicts(report: dict) -> dict[str, str]:
    return {c["id"]: c["verdict"] for c in report["checks"]}


def is_right_or_in_doubt(report: dict) -> bool:
    """Of a deployment that is mended: nothing is held against the learner, and doubt has a reason."""
    reasons = [c["reason"] for c in report["checks"] if c["verdict"] == "error"]
    return all(reasons) and set(verdicts(report).values()) <= {"pass", "error"}


@pytest.fixture(scope="module")
def mended(up: None) -> None:
    """One engine for all tests here that do not need another."""
    assert run_vlab("start", SCENARIO, "--replace").returncode == 0
    assert run_vlab("solve", SCENARIO).returncode == 0
    report = graded()
    assert report["passed"], report


@pytest.fixture
def recovers(lab, mended) -> Iterator[None]:
    """The mended deployment, which passes again after a piece of bad luck."""
    yield
    brought_up()
    after = graded()
    assert after["passed"], after


def pod(cluster, label: str = "app=vllm-server") -> dict:
    return next(p for p in cluster.items("pods", SPACE, label) if "deletionTimestamp" not in p["metadata"])


def in_node(node: str, *command: str) -> None:
    subprocess.run(
        ["podman", "exec", node, *command], check=False, capture_output=True, env={**os.environ, **PODMAN.env}
    )


def when_asked(process: "subprocess.Popen[str]", folder: Path, before: set[str]) -> None:
    """Wait until this grading has begun to record: its folder is there."""

    @retry(retry=retry_if_result(lambda new: not new), stop=stop_after_delay(60), wait=wait_fixed(0.02))
    def new() -> set[str]:
        return {p.name for p in folder.iterdir()} - before or ({"ended"} if process.poll() is not None else set())

    new()


@pytest.fixture
def gradings(lab) -> Path:
    return lab.folder / "runs" / "me" / SCENARIO / "gradings"


def test_ten_gradings_two_at_a_time_of_an_unchanged_deployment_are_equal(lab, mended):
    found = []
    for _ in range(5):
        first, second = begin("grade", SCENARIO, "--json"), begin("grade", SCENARIO, "--json")
        found += [verdicts(report_of(first)), verdicts(report_of(second))]
    assert all(each == found[0] for each in found)
    assert set(found[0].values()) == {"pass"}


def test_the_api_server_restarts_while_evidence_is_recorded(recovers, gradings):
    before = {p.name for p in gradings.iterdir()}
    process = begin("grade", SCENARIO, "--json")
    when_asked(process, gradings, before)
    in_node(f"{NAME}-control-plane", "pkill", "-9", "kube-apiserver")
    assert is_right_or_in_doubt(report_of(process))


def test_the_engine_is_killed_while_it_is_asked(recovers, cluster, gradings):
    before = {p.name for p in gradings.iterdir()}
    process = begin("grade", SCENARIO, "--json")
    when_asked(process, gradings, before)
    cluster.run(SPACE, pod(cluster)["metadata"]["name"], "vllm", ["python3", "-c", KILL_CORE], timeout=10)
    assert is_right_or_in_doubt(report_of(process))


def test_the_pod_is_deleted_while_it_is_asked(recovers, cluster, gradings):
    before = {p.name for p in gradings.iterdir()}
    process = begin("grade", SCENARIO, "--json")
    when_asked(process, gradings, before)
    cluster.delete("pods", pod(cluster)["metadata"]["name"], SPACE, grace=0)
    assert is_right_or_in_doubt(report_of(process))


def test_the_node_of_the_engine_stops(recovers, cluster):
    PODMAN.output("stop", "--time", "1", pod(cluster)["spec"]["nodeName"], timeout=120)
    report = graded(timeout="20")
    assert is_right_or_in_doubt(report)
    assert not report["passed"]


def test_the_witness_is_deleted(lab, mended, cluster):
    cluster.request("DELETE", f"/api/v1/namespaces/{SYSTEM}/pods/witness", query=[("gracePeriodSeconds", 0)])
    report = graded()
    assert report["passed"]


def test_a_witness_that_is_kept_out_leaves_doubt(lab, mended, cluster):
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none", "namespace": SYSTEM}}
    cluster.create({**quota, "spec": {"hard": {"pods": "0"}}})
    try:
        cluster.delete("pods", "witness", SYSTEM, grace=0)
        cluster.gone("pods", "witness", SYSTEM)
        report = graded()
    finally:
        cluster.delete("resourcequotas", "none", SYSTEM)
    assert not report["passed"]
    assert verdicts(report)["model-answers"] == "error"
    assert "exceeded quota" in json.dumps(report)
    assert graded()["passed"]


def test_the_node_of_the_witness_stops(recovers, cluster):
    node = cluster.find("pods", "witness", SYSTEM)["spec"]["nodeName"]
    PODMAN.output("stop", "--time", "1", node, timeout=120)
    assert is_right_or_in_doubt(graded(timeout="20"))


def test_a_hundred_megabytes_of_logs(lab, mended, cluster):
    image = pod(cluster)["spec"]["containers"][0]["image"]
    command = ["sh", "-c", "yes 'a line of a log that nobody will read to its end' | head -c 100000000; sleep 600"]
    spec = {"containers": [{"name": "loud", "image": image, "command": command}], "terminationGracePeriodSeconds": 0}
    cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "loud", "namespace": SPACE}, "spec": spec})

    @retry(stop=stop_after_delay(60), wait=wait_fixed(0.5), reraise=True)
    def runs():
        assert cluster.find("pods", "loud", SPACE)["status"]["phase"] == "Running"

    runs()
    try:
        assert graded()["passed"]
    finally:
        cluster.delete("pods", "loud", SPACE, grace=0)


def test_the_disk_is_full_while_evidence_is_recorded(lab, mended, tmp_path):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", tmp_path], check=True)
    try:
        for name in ("lab.json", "kubeconfig", "nodes.json", "instance"):
            (tmp_path / "labs" / NAME).mkdir(parents=True, exist_ok=True)
            (tmp_path / "labs" / NAME / name).write_bytes((lab.folder / name).read_bytes())
        run = tmp_path / "labs" / NAME / "runs" / "me" / SCENARIO
        run.mkdir(parents=True)
        for name in ("run.json", "start.json", "wanted.json"):
            (run / name).write_bytes((lab.folder / "runs" / "me" / SCENARIO / name).read_bytes())
        (tmp_path / "filler").write_bytes(
            b"x" * (600_000 - sum(f.stat().st_size for f in tmp_path.rglob("*") if f.is_file()) - 60_000)
        )
        done = run_vlab("grade", SCENARIO, VLAB_STATE=str(tmp_path))
        assert done.returncode == 3, done.stderr
        assert "No space left on device" in done.stderr
        assert "hint:" in done.stderr
        assert "Traceback" not in done.stderr
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_this_machines_clock_is_an_hour_ahead(lab, mended):
    """Ages are the cluster's: a clock that is set does not make a pod that starts look stuck."""
    subprocess.run(["apt-get", "-qq", "install", "-y", "faketime"], check=True, capture_output=True, timeout=300)
    done = subprocess.run(
        ["faketime", "-f", "+1h", SCRIPT, "grade", SCENARIO, "--json"],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "VLAB_NAME": NAME},
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    evidence = done.stderr.split("evidence: ")[1].strip().splitlines()[0]
    header = json.loads((Path(evidence) / "evidence.json").read_text())
    assert header["skew_seconds"] == pytest.approx(3600, abs=60)


def test_what_a_learner_made_beside_it_decides_nothing_and_goes_on_reset(lab, mended, cluster):
    made = [
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "spec": {"podSelector": {}, "ingress": [{}]}},
        {"apiVersion": "v1", "kind": "ResourceQuota", "spec": {"hard": {"requests.nvidia.com/gpu": "1"}}},
        {"apiVersion": "v1", "kind": "LimitRange", "spec": {"limits": [{"type": "Pod", "max": {"memory": "20Gi"}}]}},
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "spec": {
                "minReplicas": 1,
                "maxReplicas": 1,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "vllm-server"},
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 90}},
                    }
                ],
            },
        },
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "vllm-server"}}},
        },
    ]
    for each in made:
        cluster.create({**each, "metadata": {"name": "mine", "namespace": SPACE}})
    assert graded()["passed"]
    done = run_vlab("reset", SCENARIO)
    assert done.returncode == 0, done.stderr
    left = [each["kind"] for each in made if cluster.find(cluster.resource(each).plural, "mine", SPACE) is not None]
    assert left == []
    assert run_vlab("solve", SCENARIO).returncode == 0


SERVER = """
import http.server, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/health":
            self.begin()
        else:
            self.answer()
    def begin(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *a):
        pass
    def answer(self):
        {answer}
    do_POST = answer
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""
FOREVER = "self.begin()\n        while True: "
BAD = {
    "garbage": 'self.wfile.write(b"\\x00\\xff no such thing as HTTP\\n")',
    "never": "time.sleep(3600)",
    "a byte a second": FOREVER + 'self.wfile.write(b"x"); self.wfile.flush(); time.sleep(1)',
    "without end": FOREVER + 'self.wfile.write(b"x" * 65536)',
    "no JSON": 'self.begin(); self.wfile.write(b"<html>hello</html>")',
}


@pytest.mark.parametrize("answer", drawn(BAD, freshness.commit())[:3])
def test_an_endpoint_that_answers_badly_costs_bounded_time_and_never_passes(mended, cluster, answer):
    """In three of five ways, which the commit draws."""
    code = SERVER.replace("{answer}", BAD[answer])
    patch = {
        "spec": {
            "template": {"spec": {"containers": [{"name": "vllm", "command": ["python3", "-c", code], "args": []}]}}
        }
    }
    cluster.patch("deployments", "vllm-server", patch, SPACE, how="strategic")
    report = graded()
    assert not report["passed"]
    assert verdicts(report)["model-answers"] in ("skip", "error", "fail")
    assert verdicts(report)["server-ready"] == "pass"


def test_kill_9_of_every_command_loses_nothing(mended, lab, cluster):
    """Whatever a command was at when it was killed: the next one goes on, and the verdict is right.

    At three of ten points, which the commit draws: a few commits look at all.
    """
    points = [int(point) for point in drawn(map(str, range(10)), freshness.commit())[:3]]
    assert run_vlab("reset", SCENARIO).returncode == 0
    took = {name: _seconds(name) for name in ("reset", "solve", "grade", "start")}
    for name, seconds in took.items():
        for point in points:
            process = begin(*_command(name))
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(seconds * (point + 0.5) / 10)
                raise subprocess.TimeoutExpired("ended before", 0)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        again = run_vlab(*_command(name))
        assert again.returncode in ((0, 1, 6) if name == "grade" else (0,)), again.stderr
        assert "Traceback" not in again.stderr
    assert run_vlab("reset", SCENARIO).returncode == 0
    red = graded()
    assert verdicts(red)["server-ready"] == "fail"
    assert run_vlab("solve", SCENARIO).returncode == 0
    assert graded()["passed"]
    assert _tunnels() == []


def _command(name: str) -> tuple[str, ...]:
    return (name, SCENARIO, *(["--replace"] if name == "start" else []))


def _seconds(name: str) -> float:
    began = time.monotonic()
    run_vlab(*_command(name))
    return time.monotonic() - began


def _tunnels() -> list[str]:
    """The port-forwards of this lab that run on this machine."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if " port-forward " in line and NAME in line:
            found.append(line)
    return found
