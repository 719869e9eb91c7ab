"""What somebody hands in: graded in a fresh namespace with a learner's rights, or refused before anything is made."""

import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
import yaml

from vlab import catalog
from vlab.deployment import rendered
from vlab.settings import NAMESPACE

pytestmark = pytest.mark.cluster

EXERCISE = "four-gpu-pending"
FORMATS = ("junit", "gradescope", "prairielearn", "classroom", "step-summary")


def handed_in(folder: Path, lab, **change) -> Path:
    """A submission: the server as it was meant, as a learner would write it for the course's namespace."""
    exercise = catalog.exercise(EXERCISE)
    objects = rendered(lab, exercise, "somebody", NAMESPACE, exercise.end(last=False)).healthy.objects
    (server,) = (o for o in objects if o["kind"] == "Deployment")
    server = {**server, "metadata": {"name": server["metadata"]["name"], "namespace": NAMESPACE}}
    server["spec"]["template"]["spec"].update(change)
    (folder / "manifests").mkdir(parents=True)
    (folder / "manifests" / "server.yaml").write_text(yaml.safe_dump(server))
    (folder / "answers").mkdir()
    (folder / "answers" / "diagnosis.md").write_text("Layer: the scheduler\n")
    return folder


def asked_for(folder: Path) -> dict[str, Path]:
    folder.mkdir()
    return {name: folder / f"{name}.out" for name in FORMATS}


def test_a_submission_that_mends_it(lab, cluster, vlab, tmp_path):
    given, files = handed_in(tmp_path / "given", lab), asked_for(tmp_path / "out")
    options = [part for name, file in files.items() for part in (f"--{name}", file)]
    done = vlab("ci", "--submission", given, "--exercise", EXERCISE, "--threshold", "80", "--json", *options)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["passed"] and [each["title"] for each in report["apart"]] == ["diagnosis"]
    suite = Xml.fromstring(files["junit"].read_text())
    assert suite.get("failures") == "0" and int(suite.get("tests")) == len(report["checks"])
    assert all(file.stat().st_size for file in files.values())
    spaces = [o["metadata"]["name"] for o in cluster.items("namespaces")]
    assert not [name for name in spaces if name.startswith(("ci-", "vlab-class-ci"))]


def test_a_hostile_one_is_refused_before_anything_is_made(lab, cluster, vlab, tmp_path):
    volumes = [{"name": "model-cache", "hostPath": {"path": "/"}}]
    given, files = handed_in(tmp_path / "given", lab, volumes=volumes), asked_for(tmp_path / "out")
    before = {o["metadata"]["uid"] for o in cluster.items("namespaces")}
    done = vlab("ci", "--submission", given, "--exercise", EXERCISE, "--junit", files["junit"], "--json")
    assert done.returncode == 2, done.stderr
    (check,) = json.loads(done.stdout)["checks"]
    assert check["verdict"] == "fail" and "hostPath" in check["actual"]
    assert Xml.fromstring(files["junit"].read_text()).get("failures") == "1"
    assert {o["metadata"]["uid"] for o in cluster.items("namespaces")} == before
