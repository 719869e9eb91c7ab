"""An existing cluster, used by somebody who is not its admin: what is missing is said, what is there is enough."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from harness import NAME, run_vlab
from vlab.cluster.rights import NEEDED

pytestmark = pytest.mark.cluster

USER = "vlab-test-user"
SPACE = "elsewhere"
SCENARIO = "four-gpu-pending"


def role(rules: list[dict]) -> dict:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": USER},
        "rules": rules,
    }


def enough() -> list[dict]:
    """Nothing but what `vlab up` asks for."""
    return [{"apiGroups": [g], "resources": [r], "verbs": list(verbs)} for (g, r), verbs in NEEDED.items()]


@pytest.fixture
def user(cluster, lab, tmp_path) -> Iterator[dict[str, str]]:
    """The environment of a user of the cluster that has the rights of its ClusterRole alone."""
    cluster.put(role(enough()))
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": USER, "namespace": "default"}}
    cluster.put(account)
    cluster.put(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": USER},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": USER},
            "subjects": [{"kind": "ServiceAccount", "name": USER, "namespace": "default"}],
        }
    )
    wish = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = f"/api/v1/namespaces/default/serviceaccounts/{USER}/token"
    token = json.loads(cluster.request("POST", path, body=wish))["status"]["token"]
    config = yaml.safe_load(Path(lab.kubeconfig).read_text())
    config["users"] = [{"name": USER, "user": {"token": token}}]
    config["contexts"][0] = {"name": USER, "context": {"cluster": config["clusters"][0]["name"], "user": USER}}
    config["current-context"] = USER
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    env = {"KUBECONFIG": str(tmp_path / "kubeconfig"), "VLAB_NAME": "vlab-test-context"}
    yield env
    done = run_vlab("down", "--purge", **env)
    cluster.delete("clusterroles", USER)
    cluster.delete("clusterrolebindings", USER)
    assert done.returncode == 0, done.stderr


def test_a_right_that_is_missing_is_named_before_anything_is_made(cluster, user):
    cluster.put(role([r for r in enough() if r["resources"] != ["deployments"]]))
    looked = run_vlab("doctor", "--context", USER, "--json", **user)
    assert looked.returncode == 3, looked.stderr
    rows = {row["name"]: row for row in json.loads(looked.stdout)["rows"]}
    assert "create deployments" in rows["rights"]["found"]
    assert rows["GPUs"]["found"] == "4 on 4 nodes"
    assert rows["storage"]["found"] == "you may not look"
    refused = run_vlab("up", "--context", USER, "--profile", "cpu", **user)
    assert refused.returncode == 4
    assert "create deployments" in refused.stderr
    assert cluster.find("namespaces", SPACE) is None


def test_a_user_who_is_no_admin_starts_mends_and_is_graded(cluster, user):
    up = run_vlab("up", "--context", USER, "--profile", "cpu", **user)
    assert up.returncode == 0, up.stderr
    started = run_vlab("start", SCENARIO, "--namespace", SPACE, **user)
    assert started.returncode == 0, started.stderr
    assert "vllm-server" in run_vlab("kubectl", "get", "pods", "-o", "name", **user).stdout
    assert run_vlab("solve", SCENARIO, **user).returncode == 0
    graded = run_vlab("grade", SCENARIO, "--json", **user)
    assert graded.returncode == 0, graded.stdout + graded.stderr
    assert json.loads(graded.stdout)["passed"]
    answer = run_vlab("ask", "What is a GPU?", "--max-tokens", "5", **user)
    assert answer.returncode == 0, answer.stderr
    assert run_vlab("reset", SCENARIO, **user).returncode == 0


def test_values_of_a_site_reach_the_deployment(cluster, user, tmp_path):
    values = tmp_path / "site.yaml"
    values.write_text(
        "server:\n  tolerations: [{key: gpu, operator: Exists}]\n  node_selector: {kubernetes.io/os: linux}\n"
    )
    assert run_vlab("up", "--context", USER, "--profile", "cpu", "--values", values, **user).returncode == 0
    assert run_vlab("start", SCENARIO, "--namespace", SPACE, **user).returncode == 0
    spec = cluster.find("deployments", "vllm-server", SPACE)["spec"]["template"]["spec"]
    assert {"key": "gpu", "operator": "Exists"} in spec["tolerations"]
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux"}


def test_gpus_are_simulated_where_there_are_none_and_taken_away_again(cluster, lab):
    """The lab's own plugin is away meanwhile, so that the cluster is one without GPUs."""
    plugin = cluster.find("daemonsets", "gpu-device-plugin", "vlab-system")
    away = {"spec": {"template": {"spec": {"nodeSelector": {"nowhere": "true"}}}}}
    cluster.patch("daemonsets", "gpu-device-plugin", away, "vlab-system")
    env = {"KUBECONFIG": str(lab.kubeconfig), "VLAB_NAME": "vlab-test-simulated"}
    try:
        _wait_for_gpus(cluster, some=False)
        refused = run_vlab("up", "--context", f"kind-{NAME}", "--profile", "cpu", **env)
        assert refused.returncode == 0, refused.stderr
        unfit = run_vlab("start", SCENARIO, "--namespace", SPACE, **env)
        assert unfit.returncode == 3
        assert "nvidia.com/gpu" in unfit.stderr
        up = run_vlab("up", "--context", f"kind-{NAME}", "--profile", "cpu", "--simulate-gpus", **env)
        assert up.returncode == 0, up.stderr
        assert run_vlab("start", SCENARIO, "--namespace", SPACE, **env).returncode == 0
    finally:
        assert run_vlab("down", "--purge", **env).returncode == 0
        template = {"spec": {"template": plugin["spec"]["template"]}}
        template["spec"]["template"]["spec"]["nodeSelector"]["nowhere"] = None
        cluster.patch("daemonsets", "gpu-device-plugin", template, "vlab-system")
        _wait_for_gpus(cluster, some=True)


def _wait_for_gpus(cluster, *, some: bool) -> None:
    from tenacity import retry, stop_after_delay, wait_fixed

    from vlab.settings import GPU

    @retry(stop=stop_after_delay(120), wait=wait_fixed(1), reraise=True)
    def look():
        offered = [int(n["status"]["allocatable"].get(GPU, 0)) for n in cluster.items("nodes")]
        assert (sum(offered) >= 4) if some else not any(offered)

    look()
