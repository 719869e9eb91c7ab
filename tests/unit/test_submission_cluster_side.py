"""The policy as the cluster holds it: its CEL is evaluated here over the objects that our own reading is tried on."""

import copy
import json
from functools import cache, partial

import celpy
import pytest
from celpy.adapter import json_to_cel

import submitting as s
import test_submission_admission as ours
from vlab.settings import CLASS
from vlab.submission import Policy, admission_policies
from vlab.submission.admission import POD_SPEC
from vlab.submission.cluster_side import covered
from vlab.submission.policy import SYSTEMS

pytestmark = pytest.mark.timeout(300)
"""CEL in Python is slow, and slower beside others."""

POLICY = ours.POLICY
LEARNER = {
    "username": "system:serviceaccount:class-ada:ada",
    "groups": ["system:serviceaccounts", "system:authenticated"],
}
CONTROLLER = {
    "username": "system:serviceaccount:kube-system:replicaset-controller",
    "groups": ["system:serviceaccounts", "system:serviceaccounts:kube-system"],
}
RESOURCES = {
    "Pod": ("", "pods"),
    "Deployment": ("apps", "deployments"),
    "StatefulSet": ("apps", "statefulsets"),
    "ReplicaSet": ("apps", "replicasets"),
    "DaemonSet": ("apps", "daemonsets"),
    "Job": ("batch", "jobs"),
    "CronJob": ("batch", "cronjobs"),
    "PodTemplate": ("", "podtemplates"),
    "ReplicationController": ("", "replicationcontrollers"),
    "Service": ("", "services"),
    "ConfigMap": ("", "configmaps"),
    "Secret": ("", "secrets"),
    "PersistentVolumeClaim": ("", "persistentvolumeclaims"),
    "Ingress": ("networking.k8s.io", "ingresses"),
}


def policies(policy):
    return admission_policies(policy, "the-class", "vlab-class-x")


MADE = [p for p in policies(POLICY) if p["kind"] == "ValidatingAdmissionPolicy"]
ELSEWHERE = {"nfs", "csi", "hostPath", "image volume"}
"""Traits of volumes, which the cluster's message does not tell apart."""


@cache
def program(expression):
    environment = celpy.Environment()
    return environment.program(environment.compile(expression))


def matched(kind, resource=""):
    group, resources = RESOURCES[kind]
    for policy in MADE:
        for rule in policy["spec"]["matchConstraints"]["resourceRules"]:
            if rule["apiGroups"] == [group] and {resource or resources, "*"} & set(rule["resources"]):
                yield policy


def denied(found, *, by=None, old=None, resource=""):
    """The traits for which the cluster denies an object, to a learner if nobody else is named."""
    request = {"operation": "UPDATE" if old else "CREATE", "userInfo": by or LEARNER}
    given = {"object": found, "oldObject": old, "request": request}
    given["namespaceObject"] = {"metadata": {"name": s.HERE}}
    given = {name: json_to_cel(json.loads(json.dumps(value))) for name, value in given.items()}
    said = set()
    policies = list(matched(found["kind"], resource))
    assert policies
    for policy in policies:
        variables = celpy.celtypes.MapType()
        for each in policy["spec"]["variables"]:
            value = program(each["expression"]).evaluate({**given, "variables": variables})
            variables[celpy.celtypes.StringType(each["name"])] = value
        for rule in policy["spec"]["validations"]:
            if not program(rule["expression"]).evaluate({**given, "variables": variables}):
                said.add(rule["message"].partition(":")[0])
    return said


def test_every_right_mending_may_be_applied():
    every = {json.dumps(found, sort_keys=True) for p in ours.RIGHT for found in ours.applied(p.values[0])}
    assert len(every) > 20
    for found in map(json.loads, sorted(every)):
        if found["kind"] != "ResourceQuota":
            assert (found["metadata"]["name"], denied(found)) == (found["metadata"]["name"], set())


@pytest.mark.parametrize("profile", ["cpu", "gpu"])
def test_the_healthy_deployment_may_be_applied(profile):
    for found in s.good(profile):
        if found["kind"] != "Namespace":
            assert denied(found) == set()


@pytest.mark.parametrize("kind", ["Pod", "Deployment"])
@pytest.mark.parametrize("name", s.POD_TRAITS)
def test_a_pod_that_reaches_beyond_is_denied(kind, name):
    trait, spoil = s.POD_TRAITS[name]
    assert denied(s.hostile_pod(kind, spoil)) == {"volume-type" if name in ELSEWHERE else trait}


@pytest.mark.parametrize("kind", POD_SPEC)
def test_what_makes_pods_is_looked_at_whatever_its_kind(kind):
    assert denied(s.pod_of(kind)) == set()
    for name in ("privileged", "hostNetwork", "token", "nodeName", "init container"):
        trait, spoil = s.POD_TRAITS[name]
        assert denied(s.hostile_pod(kind, spoil)) == {trait}


@pytest.mark.parametrize("make", [partial(s.pod_of, "Deployment"), s.service, s.claim, s.secret, s.ingress])
@pytest.mark.parametrize("name", s.MARKS)
def test_metadata_that_reaches_beyond_is_denied(make, name):
    trait, spoil = s.MARKS[name]
    assert denied(s.spoiled(make, spoil)) == {trait}


@pytest.mark.parametrize("name", s.OTHERS)
def test_other_objects_that_reach_beyond_are_denied(name):
    trait, make, spoil = s.OTHERS[name]
    assert denied(make()) == set()
    assert denied(s.spoiled(make, spoil)) == {trait}


def as_the_cluster_has_it():
    """A pod of a Deployment as a controller makes it and the API server completes it."""
    found = s.pod_of("Pod")
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u", "controller": True}
    found["metadata"] |= {"ownerReferences": [owner], "generateName": "vllm-server-"}
    sources = [{"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}}]
    sources += [{"configMap": {"name": "kube-root-ca.crt"}}, {"downwardAPI": {"items": []}}]
    s.add(found["spec"], "volumes", {"name": "kube-api-access-x", "projected": {"sources": sources}})
    times = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    s.add(found["spec"], "tolerations", {"key": "node.kubernetes.io/not-ready", **times})
    found["spec"] |= {"serviceAccountName": "default", "priority": 0, "preemptionPolicy": "PreemptLowerPriority"}
    found["spec"] |= {"schedulerName": "default-scheduler", "dnsPolicy": "ClusterFirst"}
    return found


def test_a_pod_that_a_controller_makes_is_let_through_and_may_change_when_it_is_scheduled():
    found = as_the_cluster_has_it()
    assert denied(found, by=CONTROLLER) == set()
    assert denied(found) == {"ownerReferences"}
    scheduled = copy.deepcopy(found)
    scheduled["spec"]["nodeName"] = "worker-1"
    relabelled = s.spoiled(lambda: scheduled, lambda o: s.set_(o, "metadata", "labels", "app", "other"))
    assert denied(relabelled, old=scheduled) == set()
    moved = s.spoiled(lambda: scheduled, lambda o: s.set_(o, "spec", "nodeName", "worker-2"))
    assert denied(moved, old=scheduled) == {"nodeName"}
    adopted = s.spoiled(lambda: scheduled, lambda o: s.set_(o, "metadata", "ownerReferences", [{"name": "x"}]))
    assert denied(adopted, old=scheduled) == {"ownerReferences"}


def test_a_pod_that_a_controller_makes_is_held_to_the_same_line():
    for trait, spoil in s.POD_TRAITS.values():
        found = s.spoiled(as_the_cluster_has_it, lambda o, spoil=spoil: spoil(o["spec"]))
        if trait != "nodeName":  # that of a DaemonSet is chosen by its controller on old clusters
            assert denied(found, by=CONTROLLER) != set()


def test_no_token_for_others_hides_behind_the_api_servers_own_volume():
    found = as_the_cluster_has_it()
    found["spec"]["volumes"][-1]["projected"]["sources"][0]["serviceAccountToken"]["audience"] = "vault"
    assert denied(found, by=CONTROLLER) == {"token"}


def test_containers_are_not_brought_into_a_pod_that_runs():
    trait, spoil = s.POD_TRAITS["ephemeral"]
    old = as_the_cluster_has_it()
    new = s.spoiled(lambda: old, lambda o: spoil(o["spec"]))
    assert denied(new, old=old, resource="pods/ephemeralcontainers") == {trait}


def test_a_claim_is_bound_by_its_controller_alone():
    bound = s.spoiled(s.claim, lambda o: s.set_(o, "spec", "volumeName", "pvc-1"))
    assert denied(bound, old=s.claim(), by=CONTROLLER) == set()
    assert denied(bound, old=s.claim()) == {"volumeName"}
    assert denied(bound, old=bound) == set()


def test_a_deletion_that_waits_is_let_through_and_a_new_finalizer_is_not():
    def held(*names):
        return s.spoiled(s.service, lambda o: s.set_(o, "metadata", "finalizers", [*names]))

    assert denied(held("foregroundDeletion")) == set()
    assert denied(held("example.com/theirs"), old=held("example.com/theirs")) == set()
    assert denied(held("example.com/theirs", "example.com/mine"), old=held("example.com/theirs")) == {"finalizers"}


def test_it_holds_in_a_class_and_never_in_the_systems_namespaces():
    made = policies(POLICY)
    bindings = [o for o in made if o["kind"] == "ValidatingAdmissionPolicyBinding"]
    assert [b["spec"]["policyName"] for b in bindings] == [p["metadata"]["name"] for p in MADE]
    for binding in bindings:
        has, not_in = binding["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
        assert has == {"key": CLASS, "operator": "In", "values": ["the-class"]}
        assert (not_in["key"], not_in["operator"]) == ("kubernetes.io/metadata.name", "NotIn")
        assert set(not_in["values"]) == {*SYSTEMS, "vlab-class-x"} >= {"kube-system", "vlab-system"}
        assert binding["spec"]["validationActions"] == ["Deny"]
    assert all(p["spec"]["failurePolicy"] == "Fail" for p in MADE)


def test_every_rule_says_what_it_is_about_in_few_words():
    for policy in MADE:
        for rule in policy["spec"]["validations"]:
            trait, _, words = rule["message"].partition(": ")
            assert trait in covered(POLICY) and 0 < len(words) < 200 and "\n" not in rule["message"]


def test_what_the_cluster_leaves_to_others_is_known():
    ours_alone = {trait for trait, *_ in (*s.ONLY_OURS.values(), *s.OF_NAMES.values())} - covered(POLICY)
    assert ours_alone == {"generateName", "malformed", "name", "namespace", "resources", "storage", "tomorrow"}
    both = {trait for trait, *_ in (*s.POD_TRAITS.values(), *s.MARKS.values(), *s.OTHERS.values())}
    assert both - covered(POLICY) == {"hostPath", "nfs", "csi"}, "which it calls volume-type"


def test_one_set_serves_a_whole_class():
    assert policies(POLICY) == policies(POLICY.model_copy(update={"namespace": "class-ada"}))
    assert policies(Policy(root=True)) != policies(Policy())
