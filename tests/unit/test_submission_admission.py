"""What may be applied of a submission: all that learners hand in, and nothing that reaches beyond their namespace."""

import copy
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

import submitting as s
from vlab import catalog
from vlab.essence import essence, follows
from vlab.evidence import CannotTell, Evidence
from vlab.submission import Policy, admit
from vlab.submission.admission import POD_SPEC, quantity

POLICY = Policy(namespace=s.HERE, ingress_classes=("nginx",), kinds=(*Policy().kinds, "batch/v1/CronJob"))
WORKLOADS = [k for k in POD_SPEC if k not in ("DaemonSet", "PodTemplate", "ReplicationController")]
MADE_BY_OTHERS = {"ServiceAccount", "EndpointSlice", "Node", "PriorityClass", "Namespace"}
"""Kinds in every namespace that no learner applies, or that are not in it."""

RIGHT = [
    pytest.param(file, id=f"{e.id}-{phase}")
    for e in catalog.exercises().values()
    for phase, file in e.recorded.items()
    if not phase.startswith("wrong")
]
BEYOND = {
    ("four-gpu-pending", "bare-nodename"): "nodeName",
    ("four-gpu-pending", "external-name"): "service-type",
    ("four-gpu-pending", "shm-of-node"): "hostPath",
    ("leaked-gpu", "preempt"): "priority",
}
"""Wrong mendings that reach beyond the namespace, and the trait by which."""


def traits(objects, policy=POLICY):
    return {refusal.trait for refusal in admit(objects, policy)}


def applied(file):
    """What somebody has applied in a recorded run's namespace, without what the cluster added."""
    evidence = Evidence(file)
    here = evidence.header.namespace
    for found in evidence.objects:
        if follows(found) or found["metadata"].get("namespace") != here or found["kind"] in MADE_BY_OTHERS:
            continue
        if found["metadata"]["name"] != "kube-root-ca.crt":
            yield without_token({"apiVersion": found["apiVersion"], **essence(found)})


def without_token(found):
    """A pod without the volume that the API server puts into each."""
    if found["kind"] == "Pod":
        volumes = found["spec"].get("volumes", [])
        found = {**found, "spec": {**found["spec"], "volumes": [v for v in volumes if "projected" not in v]}}
    return found


@pytest.mark.parametrize("file", RIGHT)
def test_every_right_mending_may_be_applied(file):
    try:
        objects = list(applied(file))
    except CannotTell:
        pytest.fail(f"{file} has no objects")
    assert [str(r) for r in admit(objects, POLICY)] == []


def test_the_right_mendings_are_many_objects_of_several_kinds():
    kinds = {o["kind"] for p in RIGHT for o in applied(p.values[0])}
    assert kinds >= {"ConfigMap", "Deployment", "PersistentVolumeClaim", "Pod", "Service", "StatefulSet"}


@pytest.mark.parametrize(("exercise", "wrong"), BEYOND)
def test_a_wrong_mending_that_reaches_beyond_is_refused(exercise, wrong):
    file = catalog.exercise(exercise).recorded[f"wrong-{wrong}"]
    assert BEYOND[exercise, wrong] in traits(list(applied(file)))


@pytest.mark.parametrize("profile", ["cpu", "gpu"])
def test_the_healthy_deployment_may_be_applied(profile):
    assert [str(r) for r in admit(s.good(profile), POLICY)] == []


@pytest.mark.parametrize("kind", WORKLOADS)
@pytest.mark.parametrize("name", [*s.POD_TRAITS, *s.ONLY_OURS])
def test_a_pod_that_reaches_beyond_is_refused_in_every_kind(kind, name):
    trait, spoil = {**s.POD_TRAITS, **s.ONLY_OURS}[name]
    assert traits([s.pod_of(kind)]) == set()
    found = admit([s.hostile_pod(kind, spoil)], POLICY)
    assert trait in {r.trait for r in found}
    assert all(r.at.startswith(POD_SPEC[kind][0]) and r.object == f"{kind}/vllm-server" for r in found)


@pytest.mark.parametrize("make", [partial(s.pod_of, "Deployment"), s.service, s.claim, s.secret, s.ingress])
@pytest.mark.parametrize("name", [*s.MARKS, *s.OF_NAMES])
def test_metadata_that_reaches_beyond_is_refused(make, name):
    trait, spoil = {**s.MARKS, **s.OF_NAMES}[name]
    assert traits([make()]) == set()
    assert traits([s.spoiled(make, spoil)]) == {trait}


@pytest.mark.parametrize("name", s.MARKS)
def test_metadata_of_a_template_is_looked_at(name):
    trait, spoil = s.MARKS[name]
    assert traits([s.spoiled(partial(s.pod_of, "Job"), lambda o: spoil(o["spec"]["template"]))]) == {trait}


@pytest.mark.parametrize("name", s.OTHERS)
def test_other_objects_that_reach_beyond_are_refused(name):
    trait, make, spoil = s.OTHERS[name]
    assert traits([make()]) == set()
    assert trait in traits([s.spoiled(make, spoil)])


@pytest.mark.parametrize("kind", s.KINDS)
def test_kinds_that_reach_beyond_are_refused(kind):
    assert traits([{"apiVersion": s.KINDS[kind], "kind": kind, "metadata": {"name": "x"}}]) == {"kind"}


def test_a_kind_of_another_group_is_another_kind():
    assert traits([{**s.service(), "apiVersion": "evil.example/v1"}]) == {"kind"}


@pytest.mark.parametrize(
    ("trait", "spoil"),
    [
        ("namespace", lambda o: s.set_(o, "metadata", "name", "kube-system")),
        ("enforcement", lambda o: s.set_(o, "metadata", "labels", "pod-security.kubernetes.io/enforce", "privileged")),
        ("enforcement", lambda o: s.set_(o, "metadata", "labels", "vlab.dev/class", None)),
        ("finalizers", lambda o: s.set_(o, "spec", {"finalizers": ["example.com/x"]})),
        ("finalizers", lambda o: s.set_(o, "metadata", "finalizers", ["example.com/x"])),
    ],
)
def test_the_namespace_may_have_labels_and_nothing_else(trait, spoil):
    def space():
        return next(o for o in s.good() if o["kind"] == "Namespace")

    labelled = s.spoiled(space, lambda o: s.set_(o, "metadata", "labels", {"owner": "ada", "vlab.dev/learner": "ada"}))
    assert traits([labelled]) == set()
    assert traits([s.spoiled(space, spoil)]) == {trait}


@pytest.mark.parametrize(
    "change",
    [
        lambda p: s.set_(p, "hostNetwork", False),
        lambda p: s.set_(p, "nodeSelector", {"kubernetes.io/arch": "amd64"}),
        lambda p: s.set_(p, "securityContext", "seccompProfile", {"type": "RuntimeDefault"}),
        lambda p: s.set_(
            p, "containers", 0, "securityContext", {"privileged": False, "capabilities": {"drop": ["ALL"]}}
        ),
        lambda p: s.set_(p, "containers", 0, "resources", "limits", "memory", "4096Mi"),
        lambda p: s.add(p, "tolerations", {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}),
        lambda p: s.add(p, "volumes", {"name": "c", "configMap": {"name": "c", "defaultMode": 0o644}}),
        lambda p: s.add(p, "volumes", {"name": "p", "projected": {"sources": [{"configMap": {"name": "c"}}]}}),
        lambda p: s.add(p, "containers", {"name": "idle", "image": "registry.k8s.io/pause:3.10"}),
        lambda p: s.set_(p, "automountServiceAccountToken", False),
        lambda p: s.set_(p, "containers", 0, "livenessProbe", {"tcpSocket": {"port": 8000}}),
    ],
)
def test_what_learners_do_to_a_pod_is_let_through(change):
    for kind in WORKLOADS:
        assert [str(r) for r in admit([s.hostile_pod(kind, change)], POLICY)] == []


def test_too_many_objects_and_one_that_is_there_twice():
    assert traits([s.service()] * 61) == {"objects"}
    assert traits([s.service(), s.service()]) == {"twice"}


def test_many_replicas_are_refused_wherever_they_are_asked_for():
    def scaler(most):
        spec = {"maxReplicas": most, "scaleTargetRef": {"kind": "Deployment", "name": "vllm-server"}}
        metadata = {"name": "x"}
        return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}

    assert traits([scaler(8)]) == set()
    assert traits([scaler(9)]) == {"replicas"}
    for field, kind in (("replicas", "Deployment"), ("parallelism", "Job"), ("completions", "Job")):
        for number in (9, -1, True, "many"):
            assert traits(
                [s.spoiled(partial(s.pod_of, kind), lambda o, f=field, n=number: s.set_(o, "spec", f, n))]
            ) == {"replicas"}


def test_an_image_of_the_library_has_two_names_and_a_class_may_add_its_own():
    def image(reference):
        return [s.hostile_pod("Pod", lambda p: s.set_(p, "containers", 0, "image", reference))]

    assert traits(image("nginx:1.29.4")) == traits(image("docker.io/library/nginx:1.29.4")) == set()
    assert traits(image("evil.example/library/nginx:1.29.4")) == {"image"}
    more = POLICY.model_copy(update={"images": ("ghcr.io/course/tools:2",)})
    assert traits(image("ghcr.io/course/tools:2"), more) == set()
    assert traits(image(None)) == {"image"}


def test_root_is_a_matter_of_the_policy():
    root = [s.hostile_pod("Pod", lambda p: s.set_(p, "securityContext", "runAsUser", 0))]
    assert traits(root) == {"runAsUser"}
    assert traits(root, POLICY.model_copy(update={"root": True})) == set()


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1), ("500m", 0.5), ("1Gi", 1 << 30), ("1G", 10**9), (2, 2), (0.5, 0.5), ("1e3", 1000), ("2K", 2000)],
)
def test_quantities(text, number):
    assert quantity(text) == pytest.approx(number)


@pytest.mark.parametrize("text", ["", "x", "-1", "1GiB", "1e999999999", "9" * 5000, None, True, [], {}, "1 Gi", "NaN"])
def test_what_is_no_quantity(text):
    assert quantity(text) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def paths(found, at=()):
    yield at
    pairs = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    for key, value in pairs:
        yield from paths(value, (*at, key))


@pytest.mark.parametrize("kind", [*WORKLOADS, "Service", "Ingress", "PersistentVolumeClaim"])
@pytest.mark.parametrize("value", [None, "", "x", 1, [], [None], {}])
def test_wherever_something_else_stands_it_is_judged(kind, value):
    """Every place of an object that is right; what is drawn below does not come to each of them."""
    right = s.pod_of(kind) if kind in POD_SPEC else next(o for o in [*s.good(), s.ingress()] if o["kind"] == kind)
    for at in paths(right):
        if at:
            found, without = copy.deepcopy(right), copy.deepcopy(right)
            s.set_(found, *at, value)
            holder = without
            for key in at[:-1]:
                holder = holder[key]
            del holder[at[-1]]
            for each in (found, without):
                assert all(len(str(refusal)) < 1000 for refusal in admit([each], POLICY))


@given(st.sampled_from([*WORKLOADS, "Service", "Ingress", "PersistentVolumeClaim", "Namespace"]), st.data())
def test_whatever_stands_in_an_object_is_judged_and_never_raises(kind, data):
    known = [*s.good(), s.ingress()]
    found = copy.deepcopy(s.pod_of(kind) if kind in POD_SPEC else next(o for o in known if o["kind"] == kind))
    at = data.draw(st.sampled_from(sorted(paths(found), key=str)))
    if at:
        s.set_(found, *at, data.draw(JSON))
    for refusal in admit([found, data.draw(JSON)], POLICY):
        assert len(str(refusal)) < 1000
