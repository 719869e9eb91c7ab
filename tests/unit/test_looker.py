"""When an exercise is looked at, over the recorded objects of one, served on the loopback."""

import copy
import json
import queue
import shutil
import zipfile
from collections import defaultdict
from datetime import UTC, datetime

import pytest

from loopback import Collection, group, kinds, kubeconfig, running, status, until
from vlab import catalog, deployment, runs
from vlab.cluster import lab as labs
from vlab.cluster import watched
from vlab.errors import LabError
from vlab.model import Verdict
from vlab.runs import Run
from vlab.watching.looker import Looker
from vlab.watching.state import State

SCENARIO = catalog.scenario("four-gpu-pending")
PLURALS = {
    "Namespace": "namespaces",
    "Node": "nodes",
    "Pod": "pods",
    "Service": "services",
    "ConfigMap": "configmaps",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "ServiceAccount": "serviceaccounts",
    "Deployment": "deployments",
    "ReplicaSet": "replicasets",
    "EndpointSlice": "endpointslices",
    "StatefulSet": "statefulsets",
    "DaemonSet": "daemonsets",
    "PriorityClass": "priorityclasses",
    "MutatingWebhookConfiguration": "mutatingwebhookconfigurations",
    "ValidatingWebhookConfiguration": "validatingwebhookconfigurations",
}
GROUPS = {
    "apps": {"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"},
    "discovery.k8s.io": {"EndpointSlice"},
    "scheduling.k8s.io": {"PriorityClass"},
    "admissionregistration.k8s.io": {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"},
}
CLUSTER_WIDE = {"Namespace", "Node", *GROUPS["scheduling.k8s.io"], *GROUPS["admissionregistration.k8s.io"]}
IN_ALL = "/api/v1/pods"


def path(kind, namespace):
    of = next((g for g, names in GROUPS.items() if kind in names), "")
    root = f"/apis/{of}/v1" if of else "/api/v1"
    return f"{root}/{PLURALS[kind]}" if kind in CLUSTER_WIDE else f"{root}/namespaces/{namespace}/{PLURALS[kind]}"


def served(names):
    scopes = {k: "Cluster" if k in CLUSTER_WIDE else "Namespaced" for k in names}
    return ("v1", [kinds(k, PLURALS[k], scope=scopes[k]) for k in sorted(names)])


class Exercise:
    """A run with its fault in place, as it was recorded, and what a looker says of it."""

    def __init__(self, api, folder):
        with zipfile.ZipFile(SCENARIO.recorded["faulty"]) as archive:
            objects, header = (json.loads(archive.read(f)) for f in ("objects.json", "evidence.json"))
        self.api, self.space = api, header["namespace"]
        made = labs.new("x", "kind-built", None, "cpu", 4, "x")
        self.lab = made.model_copy(update={"state": "ready", "instance": header["cluster"]["instance"]})
        self.lab.save()
        shutil.move(kubeconfig(folder, api.url), self.lab.kubeconfig)
        self._serve(objects["now"], header["cluster"]["uid"])
        self.run = Run(
            lab="x",
            instance=self.lab.instance,
            cluster_uid=header["cluster"]["uid"],
            namespace_uid=header["namespace_uid"],
            scenario=SCENARIO.id,
            learner="me",
            namespace=self.space,
            parameters={},
            started=datetime.now(UTC),
        )
        self.run.save()
        wanted = deployment.rendered(self.lab, SCENARIO, "me", self.space, {})
        runs.write_whole(self.run.wanted, wanted.model_dump_json())
        runs.write_whole(self.run.start, json.dumps(objects["start"]))
        self.news = queue.SimpleQueue()
        self.states = []
        self.looker = Looker(self.run, self.lab, SCENARIO, load=False, show=self.news.put, ended=self.news.put)

    def _serve(self, objects, uid):
        core = PLURALS.keys() - set().union(*GROUPS.values())
        self.collections = {path(k, self.space): Collection() for k in PLURALS}
        by_path = defaultdict(list)
        for each in objects:
            by_path[path(each["kind"], self.space)].append(each)
        for where, found in by_path.items():
            self.collections[where].objects = found
        self.api.paths |= {
            **self.collections,
            "/api": {"items": [group("", served(core))]},
            "/apis": {"items": [group(name, served(names)) for name, names in GROUPS.items()]},
            "/version": {},
            IN_ALL: {"items": []},
            "/api/v1/namespaces/kube-system": {"metadata": {"name": "kube-system", "uid": uid}},
            f"/api/v1/namespaces/{self.space}": next(o for o in objects if o["kind"] == "Namespace"),
        }

    def change(self, kind, how):
        """Change the first object of a kind, in the list and for those who watch."""
        where = self.collections[path(kind, self.space)]
        found = copy.deepcopy(where.objects[0])
        how(found)
        found["metadata"]["resourceVersion"] = str(len(self.api.asked) + 1000)
        where.objects = [found, *where.objects[1:]]
        where.send(self.api, {"type": "MODIFIED", "object": found})

    def shown(self):
        while not self.news.empty():
            self.states.append(self.news.get())
        return self.states[-1] if self.states else State()

    def verdict(self, check):
        return next((c.verdict for c in self.shown().checks if c.id == check), None)

    def at_rest(self, looks):
        until(lambda: (s := self.shown()).looks == looks and not (s.doing or s.moving or s.problem), 20)


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    monkeypatch.setenv("VLAB_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(watched, "_PAUSE_S", 0.01)
    with running() as api:
        made = Exercise(api, tmp_path)
        yield made
        for where, collection in made.collections.items():
            api.paths[where] = status(404, "NotFound")
            collection.send(api, None)


@pytest.fixture
def exercise(prepared):
    with prepared.looker:
        yield prepared


def test_it_is_looked_at_once_and_then_the_api_is_asked_nothing(exercise):
    exercise.at_rest(looks=1)
    assert exercise.verdict("server-ready") is Verdict.FAIL
    before = len(exercise.api.asked)
    until(lambda: exercise.looker.statistics()["idle_seconds"] > 2)
    assert len(exercise.api.asked) == before
    said = exercise.looker.statistics()
    assert (said["looks"], said["asked_while_idle"]) == (1, {"calls": 0, "commands": 0, "watches": 0})


def test_a_change_turns_a_verdict_and_a_heartbeat_does_not(exercise):
    exercise.at_rest(looks=1)
    assert exercise.verdict("nodes-untouched") is Verdict.PASS
    exercise.change("Node", lambda o: o["metadata"].setdefault("annotations", {}).update(beat="now"))
    exercise.change("Node", lambda o: o["metadata"]["labels"].update(mine="yes"))
    exercise.at_rest(looks=2)
    assert exercise.verdict("nodes-untouched") is Verdict.FAIL


def test_what_moves_is_not_looked_at_and_the_checks_stay_as_they_were(exercise):
    exercise.at_rest(looks=1)
    checks = exercise.shown().checks
    asked = len(exercise.api.asked)
    exercise.change("Deployment", lambda o: o["metadata"].update(generation=9))
    until(lambda: exercise.shown().moving)
    assert len(exercise.api.asked) == asked
    assert exercise.shown().moving == "vllm-server has a change that is not seen yet"
    assert exercise.shown().checks == checks
    exercise.change("Deployment", lambda o: o["status"].update(observedGeneration=9))
    until(lambda: exercise.shown().looks == 2, 20)
    moving = [s for s in exercise.states if s.moving.startswith("vllm-server")]
    assert moving and all(s.looks == 1 for s in moving)


def test_while_another_vlab_is_at_work_it_waits(exercise):
    exercise.at_rest(looks=1)
    with runs.at_work(exercise.run, "grading"):
        exercise.change("Node", lambda o: o["metadata"]["labels"].update(mine="yes"))
        until(lambda: "another vlab is at work" in exercise.shown().problem)
        assert exercise.shown().looks == 1
    exercise.at_rest(looks=2)


def test_an_answer_that_is_written_is_a_change(exercise):
    exercise.at_rest(looks=1)
    (exercise.run.folder / "answers").mkdir()
    (exercise.run.folder / "answers" / "diagnosis.md").write_text("It waits for four GPUs.")
    exercise.at_rest(looks=2)


def test_what_was_begun_anew_elsewhere_is_not_watched_any_more(exercise):
    exercise.at_rest(looks=1)
    exercise.run.model_copy(update={"namespace": "other"}).save()
    exercise.change("Node", lambda o: o["metadata"]["labels"].update(mine="yes"))
    until(lambda: isinstance(exercise.shown(), LabError), 20)
    assert "is now in namespace other" in exercise.shown().message


def test_another_cluster_ends_it(prepared):
    prepared.api.paths["/api/v1/namespaces/kube-system"] = {"metadata": {"name": "kube-system", "uid": "another"}}
    with prepared.looker:
        until(lambda: isinstance(prepared.shown(), LabError), 20)
    assert "was started on another cluster" in prepared.shown().message
