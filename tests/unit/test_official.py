"""The official Kubernetes client is imported without its models, and whole where that cannot be."""

import subprocess
import sys
from pathlib import Path

from vlab.cluster.official import without_models

KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
"""


def told(code: str, *arguments: str | Path) -> str:
    """What a fresh interpreter prints."""
    ran = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=50)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_cluster_is_asked_without_the_models(tmp_path):
    (tmp_path / "config").write_text(KUBECONFIG)
    said = told(
        """
import sys
from pathlib import Path
from vlab.cluster import execs
from vlab.cluster.kube import Kube
from vlab.cluster.quantities import number
from vlab.cluster.refusals import NoAnswer
cluster = Kube(Path(sys.argv[1]), "x")
for ask in (lambda: cluster.request("GET", "/version"), lambda: cluster.run("a", "b", "c", ["true"], timeout=5)):
    try:
        ask()
    except NoAnswer as e:
        print("no answer")
print(number("2Ki"), cluster.client.configuration.host)
print(sum(name.startswith(("kubernetes.client.models.", "kubernetes.client.api.")) for name in sys.modules))
""",
        tmp_path / "config",
    )
    assert said.split() == ["no", "answer", "no", "answer", "2048", "http://127.0.0.1:1", "0"]


def test_many_at_once_find_it_whole(tmp_path):
    (tmp_path / "config").write_text(KUBECONFIG)
    code = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from vlab.cluster.kube import Kube
with ThreadPoolExecutor(16) as pool:
    hosts = list(pool.map(lambda _: Kube(Path(sys.argv[1]), "x").client.configuration.host, range(64)))
print(len(hosts))
"""
    assert told(code, tmp_path / "config").strip() == "64"


def test_laid_out_otherwise_it_is_imported_as_it_is(tmp_path):
    package = tmp_path / "kubernetes"
    package.mkdir()
    (package / "__init__.py").write_text("WHOLE = True\n")
    code = "import sys; sys.path.insert(0, sys.argv[1])\nfrom vlab.cluster.official import without_models\n"
    assert told(f"{code}without_models()\nimport kubernetes; print(kubernetes.WHOLE)", tmp_path).strip() == "True"


def test_what_is_imported_already_stays():
    without_models()
    before = sys.modules["kubernetes"]
    without_models()
    assert sys.modules["kubernetes"] is before
