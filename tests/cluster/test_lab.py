"""The lab's own life: up, found, mended, refused, down; each piece of bad luck for real."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from tenacity import retry, stop_after_delay, wait_fixed

from harness import NAME, PODMAN, SCRIPT, run_vlab
from vlab.cluster import lab as labs
from vlab.cluster.lab import GPU

pytestmark = pytest.mark.cluster


def gpus(cluster) -> dict[str, str]:
    return {n["metadata"]["name"]: n["status"]["allocatable"].get(GPU, "0") for n in cluster.items("nodes")}


@pytest.fixture(scope="module")
def small():
    """A lab with one worker, for what would cost the others their cluster; each test finds or makes it."""
    yield "vlab-test-small"
    assert run_vlab("down", "--name", "vlab-test-small").returncode == 0


def test_four_workers_offer_one_gpu_each_through_the_kubelet(cluster):
    offered = gpus(cluster)
    assert sorted(offered.values()) == ["0", "1", "1", "1", "1"]


def test_up_twice_is_one_up(lab, vlab):
    before = {c.name: c.pid for c in PODMAN.nodes(NAME)}
    again = vlab("up", "--json")
    assert again.returncode == 0
    assert json.loads(again.stdout)["instance"] == lab.instance
    assert {c.name: c.pid for c in PODMAN.nodes(NAME)} == before


def test_a_lab_keeps_what_it_was_made_with(lab, vlab):
    refused = vlab("up", "--workers", "2")
    assert refused.returncode == 2
    assert "has number of workers 4, not 2" in refused.stderr


def test_status_env_and_kubectl_speak_of_the_lab_and_leave_the_users_own_alone(lab, vlab):
    config = Path.home() / ".kube" / "config"
    before = config.read_bytes() if config.exists() else None
    rows = json.loads(vlab("status", "--json").stdout)
    assert next(r for r in rows if r["name"] == NAME)["state"] == "ready"
    shell = f'eval "$({SCRIPT} env)" && kubectl config current-context'
    told = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, env={**os.environ, "VLAB_NAME": NAME})
    assert told.stdout.strip() == f"kind-{NAME}"
    assert "vlab-test-control-plane" in vlab("kubectl", "get", "nodes", "-o", "name").stdout
    assert (config.read_bytes() if config.exists() else None) == before


def test_a_node_that_was_stopped_is_said_and_started_again_with_its_gpu(lab, cluster, vlab):
    PODMAN.output("stop", f"{NAME}-worker2", timeout=120)

    @retry(stop=stop_after_delay(120), wait=wait_fixed(1), reraise=True)
    def said():
        status = vlab("status", "--json")
        assert status.returncode == 4
        assert "worker2" in status.stdout

    said()
    assert vlab("up").returncode == 0
    assert gpus(cluster)[f"{NAME}-worker2"] == "1"
    assert labs.get(NAME).instance == lab.instance


def test_an_existing_cluster_is_used_and_left_as_it_was(lab, cluster, vlab):
    env = {"KUBECONFIG": str(lab.kubeconfig), "VLAB_NAME": "vlab-test-context"}
    try:
        assert vlab("up", "--context", "kind-vlab-test", "--profile", "cpu", **env).returncode == 0
        started = vlab("start", "four-gpu-pending", "--namespace", "elsewhere", **env)
        assert started.returncode == 0, started.stderr
        assert cluster.find("deployments", "vllm-server", "elsewhere")
    finally:
        assert vlab("down", "--purge", **env).returncode == 0
    assert cluster.find("namespaces", "elsewhere") is None
    assert "ready" in vlab("status").stdout


def test_a_context_that_is_not_there(vlab):
    refused = vlab("up", "--context", "nowhere", VLAB_NAME="vlab-test-nowhere")
    assert refused.returncode == 4
    assert "does not answer" in refused.stderr
    assert labs.find("vlab-test-nowhere") is None


def test_a_foreign_kind_cluster_of_our_name_is_left_alone(up, vlab):
    image = PODMAN.output("images", "--format", "{{.Repository}}:{{.Tag}}", "localhost/vlab-node").split()[0]
    name = "vlab-test-foreign"
    PODMAN.output("create", "--name", name, "--label", f"io.x-k8s.kind.cluster={name}", image)
    try:
        refused = vlab("up", "--name", name)
        assert refused.returncode == 7
        assert "this vlab did not make" in refused.stderr
        assert vlab("down", "--name", name, "--purge").returncode == 0
        assert [c.name for c in PODMAN.nodes(name)] == [name]
    finally:
        PODMAN.output("rm", "--force", name)


def start_up(name: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [SCRIPT, "up", "--name", name, "--workers", "1"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_killed_while_the_cluster_is_made_two_up_at_once_finish_it(up, small):
    interrupted = start_up(small)

    @retry(stop=stop_after_delay(120), wait=wait_fixed(0.2), reraise=True)
    def containers_are_there():
        assert PODMAN.nodes(small)

    containers_are_there()
    interrupted.kill()
    interrupted.wait()
    assert run_vlab("ask", "Hello?", "--name", small).returncode == 4
    first, second = start_up(small), start_up(small)
    said = [process.communicate(timeout=600)[1] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), said
    assert sum("waiting for it to finish" in text for text in said) == 1
    assert len(PODMAN.nodes(small)) == 2
    assert labs.get(small).workers == 1


def test_nodes_killed_behind_podmans_back_are_made_anew(up, small):
    assert run_vlab("up", "--name", small, "--workers", "1").returncode == 0
    before = labs.get(small).instance
    for container in PODMAN.nodes(small):
        monitor = Path(PODMAN.output("inspect", container.name, "--format", "{{.ConmonPidFile}}").strip())
        os.kill(int(monitor.read_text()), signal.SIGKILL)
        os.kill(container.pid, signal.SIGKILL)

    @retry(stop=stop_after_delay(30), wait=wait_fixed(0.2), reraise=True)
    def gone():
        assert not any(c.running for c in PODMAN.nodes(small))

    gone()
    assert all(c.claims_running for c in PODMAN.nodes(small)), "Podman noticed; the test is not what it says"
    assert run_vlab("status").returncode == 4
    done = run_vlab("up", "--name", small)
    assert done.returncode == 0, done.stderr
    assert "made anew" in done.stderr
    assert labs.get(small).instance != before


def test_down_leaves_nothing_running_mounted_or_on_the_disk(up, small):
    assert run_vlab("up", "--name", small, "--workers", "1").returncode == 0
    assert run_vlab("down", "--name", small, "--purge").returncode == 0
    assert PODMAN.nodes(small) == []
    assert small not in Path("/proc/self/mountinfo").read_text()
    assert small not in PODMAN.output("volume", "ls")
    assert labs.find(small) is None
    assert labs.find(NAME) is not None, "the other lab and the cache that it uses must stay"


def test_too_small_a_disk(tmp_path):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", tmp_path], check=True)
    try:
        refused = run_vlab("up", "--name", "vlab-test-disk", VLAB_CACHE=str(tmp_path))
    finally:
        subprocess.run(["umount", tmp_path], check=True)
    assert refused.returncode == 3
    assert "VLAB_CACHE" in refused.stderr
