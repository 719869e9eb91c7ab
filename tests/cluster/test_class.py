"""A class on the real cluster: who may do what, one round of grading, and nothing left behind."""

import json
import subprocess
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import pytest
from tenacity import retry, stop_after_delay, wait_fixed

from harness import NAME, SCRIPT
from vlab import catalog, runs
from vlab.classroom import store
from vlab.classroom.model import Class, Learner
from vlab.cluster.kube import Kube
from vlab.cluster.kubectl import kubectl_path
from vlab.cluster.refusals import ApiError
from vlab.evidence import Evidence
from vlab.settings import CLASS as CLASS_LABEL

pytestmark = pytest.mark.cluster

CLASS = "vlab-spring"
EXERCISE = "four-gpu-pending"
ROSTER = 'id;name\n4711;"López, Ana"\n4712;"=HYPERLINK(""x"")"\n4713;李雷\n'
"""A number, a formula, a name without a Latin letter."""


@dataclass(frozen=True)
class Room:
    """A class that is up, and how to be one of its learners."""

    of: Class

    def kube(self, learner: Learner) -> Kube:
        """The cluster as the learner reaches it."""
        return Kube(self.of.kubeconfig(learner), "lab")

    def kubectl(self, learner: Learner, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """kubectl with the kubeconfig that was handed out."""
        return subprocess.run(
            [kubectl_path(), "--kubeconfig", self.of.kubeconfig(learner), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )


@pytest.fixture(scope="module")
def room(up, vlab, tmp_path_factory):
    file = tmp_path_factory.mktemp("class") / "roster.csv"
    file.write_text(ROSTER)
    made = vlab("class", "create", file, "--class", CLASS)
    assert made.returncode == 0, made.stderr
    yield Room(store.get(CLASS))
    closed = vlab("class", "close", "--class", CLASS)
    assert closed.returncode == 0, closed.stderr
    subprocess.run(["rm", "-r", store.folder(CLASS)], check=True)


def graded(vlab) -> dict[str, str]:
    done = vlab("class", "grade", EXERCISE, "--class", CLASS, "--timeout", "240", "--anew", "--json")
    assert done.returncode == 0, done.stderr
    return {each["learner"]: each["words"] for each in json.loads(done.stdout)}


def status(cluster: Kube, method: str, path: str, body=None, query=()) -> int:
    try:
        cluster.request(method, path, body=body, query=query)
    except ApiError as e:
        return e.status
    return HTTPStatus.OK


def test_no_learner_may_anything_outside_of_their_namespace(room):
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": []}}
    for learner in room.of.learners:
        cluster = room.kube(learner)
        others = [room.of.namespace(each) for each in room.of.learners if each is not learner]
        for space in [*others, room.of.system, "vlab-system", "kube-system", "default"]:
            root = f"/api/v1/namespaces/{space}"
            for what in ("pods", "secrets", "configmaps", "services"):
                assert status(cluster, "GET", f"{root}/{what}") == HTTPStatus.FORBIDDEN, (learner.slug, space, what)
            assert status(cluster, "POST", f"{root}/pods", pod, [("dryRun", "All")]) == HTTPStatus.FORBIDDEN
            assert status(cluster, "DELETE", root) == HTTPStatus.FORBIDDEN
        for each in (e for e in room.of.learners if e is not learner):
            desk = f"/api/v1/namespaces/{room.of.system}/configmaps/{each.slug}"
            assert status(cluster, "GET", desk) == HTTPStatus.FORBIDDEN


def test_no_learner_may_change_what_holds_them(room):
    for learner in room.of.learners:
        cluster, space = room.kube(learner), room.of.namespace(learner)
        rbac = "/apis/rbac.authorization.k8s.io/v1"
        role = {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}}
        bind = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "x"}, **role}
        wide = {**bind, "kind": "ClusterRoleBinding"}
        no = HTTPStatus.FORBIDDEN
        assert status(cluster, "POST", f"{rbac}/namespaces/{space}/rolebindings", bind) == no
        assert status(cluster, "POST", f"{rbac}/clusterrolebindings", wide) == no
        assert status(cluster, "DELETE", f"/api/v1/namespaces/{space}/resourcequotas/room") == no
        assert status(cluster, "DELETE", f"/api/v1/namespaces/{space}/limitranges/room") == no
        assert status(cluster, "DELETE", f"/apis/networking.k8s.io/v1/namespaces/{space}/networkpolicies/room") == no
        assert status(cluster, "POST", f"/api/v1/namespaces/{space}/serviceaccounts/default/token", {}) == no
        assert status(cluster, "PATCH", "/api/v1/nodes/vlab-test-worker", {}) == no
        assert status(cluster, "GET", f"/api/v1/namespaces/{space}/pods") == HTTPStatus.OK
        assert status(cluster, "GET", "/api/v1/nodes") == HTTPStatus.OK


def test_a_node_is_out_of_reach(room):
    learner = room.of.learners[0]
    image = "registry.k8s.io/pause:3.10"
    for spec in (
        {"hostNetwork": True},
        {"hostPID": True},
        {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]},
        {"containers": [{"name": "c", "image": image, "securityContext": {"privileged": True}}]},
    ):
        container = {"name": "c", "image": image}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "reach"}}
        made = room.kubectl(
            learner, "apply", "-f", "-", stdin=json.dumps({**pod, "spec": {"containers": [container], **spec}})
        )
        assert made.returncode != 0 and "orbidden" in made.stderr, made.stdout


@pytest.mark.parametrize(
    ("made", "trait"),
    [
        ({"kind": "Pod", "spec": {"containers": [{"name": "c", "image": "docker.io/library/nginx:1"}]}}, "image"),
        ({"kind": "Service", "spec": {"type": "NodePort", "ports": [{"port": 80}]}}, "service-type"),
        ({"kind": "Service", "spec": {"type": "ExternalName", "externalName": "example.com"}}, "service-type"),
        ({"kind": "ConfigMap", "metadata": {"finalizers": ["example.com/stay"]}}, "finalizers"),
        ({"kind": "Secret", "type": "example.com/other"}, "type"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_cluster_holds_the_line_of_a_submission(room, made, trait):
    """What is typed by hand is held to what may be handed in."""
    metadata = {"name": "tried", **made.get("metadata", {})}
    tried = room.kubectl(
        room.of.learners[1],
        *("create", "--dry-run=server", "-f", "-"),
        stdin=json.dumps({"apiVersion": "v1", **made, "metadata": metadata}),
    )
    assert tried.returncode != 0 and "ValidatingAdmissionPolicy" in tried.stderr, tried.stderr
    assert trait in tried.stderr


def test_what_an_exercise_needs_is_let_through(room):
    for made in (
        {"kind": "ConfigMap", "data": {"a": "b"}},
        {"kind": "Service", "spec": {"ports": [{"port": 80}]}},
        {"kind": "Secret", "stringData": {"key": "x"}},
        {"kind": "Pod", "spec": {"containers": [{"name": "c", "image": "registry.k8s.io/pause:3.10"}]}},
    ):
        text = json.dumps({"apiVersion": "v1", **made, "metadata": {"name": "tried"}})
        tried = room.kubectl(room.of.learners[1], "create", "--dry-run=server", "-f", "-", stdin=text)
        assert tried.returncode == 0, tried.stderr


def test_a_round(room, vlab):
    """One learner mends it, one writes, one does nothing: each is told what is theirs."""
    started = vlab("class", "start", EXERCISE, "--class", CLASS)
    assert started.returncode == 0, started.stderr
    solver, writer, idle = room.of.learners

    brief = room.kubectl(solver, "--context", "desk", "get", "configmap", solver.slug, "-o", "json")
    assert "pod" in json.loads(brief.stdout)["data"]["brief.md"]

    script = catalog.scenario(EXERCISE).folder / "solution" / "apply.sh"
    mended = subprocess.run(
        ["bash", script],
        env={"PATH": f"{Path(kubectl_path()).parent}:/usr/bin:/bin", "KUBECONFIG": str(room.of.kubeconfig(solver)),
             "NAMESPACE": room.of.namespace(solver), "HOME": str(room.of.folder)},  # kubectl keeps a cache there
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert mended.returncode == 0, mended.stderr
    answers = room.kubectl(writer, "create", "configmap", "answers", "--from-literal=diagnosis.md=Layer: scheduler")
    assert answers.returncode == 0, answers.stderr

    words = graded(vlab)
    assert "solved" in words[solver.slug] and "not solved" not in words[solver.slug]
    assert "not solved yet" in words[idle.slug] and "not solved yet" in words[writer.slug]
    run = runs.on(NAME) / writer.slug / EXERCISE
    assert "scheduler" in (run / "answers" / "diagnosis.md").read_text()


def test_a_round_in_jobs_goes_on_without_this_machine(room, vlab, cluster):
    """The command is killed once its Job is there: the same again fetches what graders on the cluster found."""
    command = ["class", "grade", EXERCISE, "--class", CLASS, "--timeout", "240", "--jobs"]
    killed = subprocess.Popen(
        [SCRIPT, *command, "--anew"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    @retry(stop=stop_after_delay(120), wait=wait_fixed(0.2), reraise=True)
    def job():
        found = cluster.find("jobs", f"grade-{EXERCISE}", room.of.system)
        assert found is not None
        return found["metadata"]["uid"]

    uid = job()
    killed.kill()
    killed.wait()
    for kind in ("Secret", "ConfigMap"):  # as of another exercise's round that goes on there
        labels = {"app": "grader", "job": f"grade-{EXERCISE}-more"}
        metadata = {"name": f"grade-{EXERCISE}-more-0", "namespace": room.of.system, "labels": labels}
        cluster.create({"apiVersion": "v1", "kind": kind, "metadata": metadata})
    root = f"/api/v1/namespaces/{room.of.system}"
    key = f"grade-{EXERCISE}-key"
    assert cluster.find("secrets", key, room.of.system) is not None
    for learner in room.of.learners:
        own = room.kube(learner)
        for path in (f"secrets/{key}", "secrets", "pods", "serviceaccounts/grader"):
            assert status(own, "GET", f"{root}/{path}") == HTTPStatus.FORBIDDEN
        assert status(own, "POST", f"{root}/serviceaccounts/grader/token", {}) == HTTPStatus.FORBIDDEN
    assert job() == uid

    done = vlab(*command, "--json")
    assert done.returncode == 0, done.stderr
    came = {each["learner"]: each["words"] for each in json.loads(done.stdout)}
    solver, writer, idle = room.of.learners
    assert "solved" in came[solver.slug] and "not solved" not in came[solver.slug]
    assert "not solved yet" in came[idle.slug] and "not solved yet" in came[writer.slug]
    assert vlab("class", "verify", "--class", CLASS).returncode == 0
    for plural, name in (("jobs", f"grade-{EXERCISE}"), ("secrets", key)):
        assert cluster.find(plural, name, room.of.system) is None
    for plural in ("secrets", "configmaps"):
        labelled = cluster.items(plural, room.of.system, selector="job")
        assert [o["metadata"]["name"] for o in labelled] == [f"grade-{EXERCISE}-more-0"]
    newest = max((runs.on(NAME) / solver.slug / EXERCISE / "gradings").iterdir())
    assert Evidence(newest / "evidence").header.learner == solver.slug


def test_hints_as_the_teacher_lets_them(room, vlab):
    learner = room.of.learners[2]
    vlab("class", "start", EXERCISE, "--class", CLASS)

    def seen() -> str:
        found = room.kubectl(learner, "--context", "desk", "get", "configmap", learner.slug, "-o", "json")
        return json.loads(found.stdout)["data"]["hints.md"]

    assert vlab("class", "hint-policy", "--most", "1", "--class", CLASS).returncode == 0
    assert vlab("class", "hint", EXERCISE, "--class", CLASS).returncode == 0
    assert seen().count("## ") == 1
    assert vlab("class", "hint-policy", "--most", "0", "--class", CLASS).returncode == 0
    assert vlab("class", "hint", EXERCISE, "--class", CLASS).returncode == 0
    assert seen() == ""


def test_what_belongs_to_all_is_refused(room, vlab):
    done = vlab("class", "start", "leaked-gpu", "--class", CLASS)
    assert done.returncode == 3 and "cannot be done in a class" in done.stderr


def test_closing_takes_ours_only(room, vlab, cluster):
    other = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "somebody-elses"}}
    cluster.create(other)
    try:
        assert vlab("class", "close", "--class", CLASS).returncode == 0
        names = {o["metadata"]["name"] for o in cluster.items("namespaces")}
        assert "somebody-elses" in names
        assert not {room.of.system, *(room.of.namespace(each) for each in room.of.learners)} & names
        for plural in ("roles", "rolebindings"):
            assert not cluster.items(plural, "vlab-system", selector=f"{CLASS_LABEL}={room.of.uid}")
        for plural in ("clusterroles", "clusterrolebindings"):
            assert not [o for o in cluster.items(plural) if room.of.system in o["metadata"]["name"]]
        assert store.get(CLASS).closed is not None
    finally:
        cluster.delete("namespaces", "somebody-elses")
