"""The recipes' pure parts, and what a refusing registry looks like with the real go command."""

import http.server
import threading
from pathlib import Path

import pytest

from vlab import ui
from vlab.build import debian, golang, images, node, targets
from vlab.build.pipeline import Pipeline
from vlab.errors import Exit, LabError

STORAGE = """
const storageProvisionerImage = "docker.io/kindest/provisioner:v1"
const storageHelperImage = "docker.io/kindest/helper:v2"
const defaultStorageManifest = `
image: ` + storageProvisionerImage + `
helper: ` + storageHelperImage + `
`
"""


def test_kinds_storage_manifest_is_read_out_of_its_source():
    assert node.storage_images(STORAGE) == ("docker.io/kindest/provisioner:v1", "docker.io/kindest/helper:v2")
    made = node.storage_manifest(STORAGE)
    assert made == "\nimage: docker.io/kindest/provisioner:v1\nhelper: docker.io/kindest/helper:v2\n"


def test_a_source_that_has_changed_is_no_manifest():
    with pytest.raises(ValueError, match="not where"):
        node.storage_manifest("const other = 1")


def test_the_mirrors_are_those_of_the_suite_and_its_updates():
    listed = """\
http://mirror.example/debian/ bookworm main
http://mirror.example/debian/ bookworm-updates main
http://mirror.example/debian-security/ bookworm-security main
http://mirror.example/other/ nodistro main
http://mirror.example/debian/ trixie main
"""
    assert debian.lines(listed, "bookworm") == [
        "deb http://mirror.example/debian-security/ bookworm-security main",
        "deb http://mirror.example/debian/ bookworm main",
        "deb http://mirror.example/debian/ bookworm-updates main",
    ]


def test_versions_come_from_the_one_module_file():
    assert golang.version("k8s.io/kubernetes").startswith("v1.35.")
    with pytest.raises(KeyError):
        golang.version("example.org/nobody")


def test_the_node_image_depends_on_every_source_of_the_binaries():
    needs = {step.name for step in node.node_image.needs}
    assert needs == {"binaries"}
    assert {p.name for p in golang.sources()} >= {"go.mod", "go.sum", "main.go", "tools.go"}


def test_every_target_of_a_provider_is_kept_by_pruning():
    kept = targets.kept()
    for step in (golang.host, node.node_image, images.image_store, golang.clients):
        assert Path(step.name, step.key) in kept


class Refuses(http.server.BaseHTTPRequestHandler):
    """A Go module proxy that serves nothing."""

    def do_GET(self) -> None:
        self.send_error(403)

    def log_message(self, *_: object) -> None:
        pass


def test_a_proxy_that_refuses_a_module_is_named_with_the_module(tmp_path, monkeypatch):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refuses) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        monkeypatch.setenv("GOPROXY", f"http://127.0.0.1:{proxy.server_port}")
        monkeypatch.setenv("GONOSUMDB", "*")
        monkeypatch.setenv("GOFLAGS", "-mod=mod")
        with pytest.raises(LabError) as caught, ui.Steps() as steps:
            Pipeline(tmp_path / "cache", tmp_path / "logs").ensure([golang.clients], steps)
        proxy.shutdown()
    assert "does not serve" in caught.value.message
    assert "403 Forbidden" in caught.value.message
    assert "GOPROXY" in caught.value.hint
    assert caught.value.exit_code == Exit.BUILD
    assert not golang.clients.done(tmp_path / "cache")
