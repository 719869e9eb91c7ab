from datetime import UTC, datetime, timedelta

import pytest

from vlab import catalog
from vlab.classroom import access, manage, many, objects, roster, store
from vlab.classroom.model import Class, Hints, Quota
from vlab.cluster import network
from vlab.cluster.lab import Lab
from vlab.errors import LabError

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LAB = Lab(
    name="here", instance="0123456789ab", provider="kind-built", engine="podman", workers=4, context="kind-here",
    state="ready", created=NOW,
)  # fmt: skip
LEARNERS = roster.learners("id,name\n1,Ana\n2,Bo\n3,Ana\n")


def made(**rules):
    return Class(
        name="spring", uid="abcdef012345", lab="here", lab_instance=LAB.instance,
        created=NOW, learners=LEARNERS, **rules,
    )  # fmt: skip


class TestObjects:
    def test_everything_is_marked_as_the_class_and_the_labs(self):
        of = made()
        found = [*objects.of_class(of, LAB), *objects.of_learner(of, LAB, LEARNERS[0])]
        found += objects.empty_room(of, LAB, LEARNERS[0])
        for each in found:
            assert each["metadata"]["labels"].items() >= objects.labels(of, LAB).items(), each["kind"]

    def test_a_learner_has_rights_in_one_namespace_and_on_one_desk(self):
        of, learner = made(), LEARNERS[0]
        every = [*objects.of_class(of, LAB), *objects.of_learner(of, LAB, learner), *objects.room(of, LAB, learner)]
        bindings = [o for o in every if o["kind"] == "RoleBinding"]
        assert {b["metadata"]["namespace"] for b in bindings} == {of.system, of.namespace(learner)}
        assert all(s["name"] == learner.slug for b in bindings for s in b["subjects"])
        (desk,) = (o for o in every if o["kind"] == "Role")
        assert desk["rules"] == [
            {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [learner.slug], "verbs": ["get"]}
        ]

    def test_what_holds_for_all_is_only_looking(self):
        (bound,) = (o for o in objects.of_class(made(), LAB) if o["kind"] == "ClusterRoleBinding")
        roles = {o["metadata"]["name"]: o for o in objects.of_class(made(), LAB) if o["kind"] == "ClusterRole"}
        verbs = {v for rule in roles[bound["roleRef"]["name"]]["rules"] for v in rule["verbs"]}
        assert verbs == {"get", "list", "watch"}

    def test_nobody_may_change_who_may_what_or_how_much(self):
        (role,) = (o for o in objects.of_class(made(), LAB) if o["metadata"]["name"].endswith("-learner"))
        changing = {
            (group, resource)
            for rule in role["rules"]
            if set(rule["verbs"]) & {"create", "update", "patch", "delete", "*"}
            for group in rule["apiGroups"]
            for resource in rule["resources"]
        }
        assert not {r for _, r in changing} & {
            *("resourcequotas", "limitranges", "networkpolicies", "roles", "rolebindings", "serviceaccounts"),
            *("serviceaccounts/token", "namespaces", "nodes", "*", "pods/ephemeralcontainers"),
        }
        assert "rbac.authorization.k8s.io" not in {g for g, _ in changing}

    @pytest.mark.parametrize("identifier", [e.id for e in catalog.exercises().values() if not e.alone])
    def test_the_common_quota_has_room_for_every_exercise(self, identifier):
        from vlab.deployment import Room, rendered

        exercise = catalog.exercise(identifier)
        room = Room(labels=objects.room_labels(made()), objects=objects.room(made(), LAB, LEARNERS[0]))
        found = rendered(LAB, exercise, "ana", "spring-ana", exercise.end(last=True), room=room)
        asked, quota = objects.asked_for(found.faulty.objects), Quota()
        assert asked["gpus"] <= quota.gpus and asked["cpu"] <= float(quota.cpu)
        assert asked["memory"] <= 14 * 2**30 and asked["storage"] <= 200 * 2**30
        assert {o["kind"] for o in found.healthy.objects} >= {
            "ResourceQuota",
            "LimitRange",
            "NetworkPolicy",
            "RoleBinding",
        }
        (space,) = (o for o in found.faulty.objects if o["kind"] == "Namespace")
        assert space["metadata"]["labels"].items() >= objects.room_labels(made()).items()

    def test_asked_for_counts_replicas_and_claims(self):
        container = {"resources": {"requests": {"cpu": "500m"}, "limits": {"memory": "1Gi", "nvidia.com/gpu": 2}}}
        deployment = {"kind": "Deployment", "spec": {"replicas": 3, "template": {"spec": {"containers": [container]}}}}
        claim = {"kind": "PersistentVolumeClaim", "spec": {"resources": {"requests": {"storage": "2Gi"}}}}
        pod = {"kind": "Pod", "spec": {"containers": [container]}}
        found = objects.asked_for([deployment, claim, pod, {"kind": "ConfigMap"}])
        assert found == {"gpus": 8, "cpu": 2.0, "memory": 4 * 2**30, "storage": 2 * 2**30}


class TestHints:
    @pytest.mark.parametrize(
        ("rules", "minutes", "due"),
        [
            (Hints(), 0, 3),
            (Hints(most=0), 999, 0),
            (Hints(most=2, after_minutes=10), 9.9, 0),
            (Hints(most=2, after_minutes=10), 10, 1),
            (Hints(most=2, after_minutes=10), 500, 2),
        ],
    )
    def test_how_many_are_due(self, rules, minutes, due):
        assert manage.hints_due(rules, False, timedelta(minutes=minutes)) == due

    def test_none_in_an_exam(self):
        assert manage.hints_due(Hints(), True, timedelta(hours=9)) == 0


class TestMany:
    def test_ones_trouble_is_nobody_elses(self):
        def work(learner, note):
            note("at it")
            if learner is LEARNERS[0]:
                raise LabError("no room", "make some")
            if learner is LEARNERS[1]:
                raise KeyError("x")
            return "done"

        notes, came = [], []
        found = many.for_each(LEARNERS, work, 2, notes.append, came.append)
        assert [(o.ok, o.words) for o in found][::2] == [(False, "no room"), (True, "done")]
        assert not found[1].ok and "KeyError" in found[1].words and found[0].hint == "make some"
        assert len(came) == 3 and notes[-1] == "3 of 3"


class TestClasses:
    @pytest.fixture(autouse=True)
    def own_state(self, tmp_path, monkeypatch):
        monkeypatch.setenv("VLAB_STATE", str(tmp_path))

    def test_a_class_is_kept_and_found(self):
        of = made(ends=NOW + timedelta(hours=1), extra_minutes={LEARNERS[1].slug: 15})
        store.save(of)
        assert store.get("spring") == store.get() == of
        assert of.ends_for(LEARNERS[0]) == NOW + timedelta(hours=1)
        assert of.ends_for(LEARNERS[1]) == NOW + timedelta(minutes=75)

    def test_a_closed_one_is_found_by_its_name_alone(self):
        store.save(made(closed=NOW))
        assert store.get("spring").closed == NOW
        with pytest.raises(LabError, match="there is no class"):
            store.get()

    def test_several_must_be_named(self):
        store.save(made())
        store.save(made().model_copy(update={"name": "autumn"}))
        with pytest.raises(LabError, match="autumn, spring"):
            store.get()

    def test_learners_by_slug_key_and_name(self):
        of = made()
        assert store.chosen(of, ()) == LEARNERS
        assert store.chosen(of, ("2", "BO", LEARNERS[1].slug)) == (LEARNERS[1],)
        with pytest.raises(LabError, match="2 learners"):
            store.chosen(of, ("Ana",))
        with pytest.raises(LabError, match="nobody"):
            store.chosen(of, ("Cy",))

    @pytest.mark.parametrize("name", ["", "Spring", "9a", "a-", "a" * 21, "a_b", "ä"])
    def test_names_that_fit_nowhere(self, name):
        with pytest.raises(LabError):
            store.checked_name(name)

    def test_a_new_roster_takes_in_and_never_out(self):
        more = roster.learners("id\n3\n4\n")
        assert [x.key for x in manage.joined(made(), more).learners] == ["1", "2", "3", "4"]

    @pytest.mark.parametrize("identifier", [e.id for e in catalog.exercises().values() if e.alone])
    def test_what_belongs_to_all_is_refused_with_what_to_do_instead(self, identifier):
        with pytest.raises(LabError, match="cannot be done in a class") as refused:
            manage.refuse_alone(catalog.exercise(identifier))
        assert "vlab up" in refused.value.hint

    def test_an_exam_gives_no_kubeconfig_after_its_end(self):
        of = made(ends=NOW)
        with pytest.raises(LabError, match="ended"):
            access.give(None, of, LEARNERS[0], {}, now=NOW)


def test_a_kubeconfig_names_one_account_and_its_two_places():
    import yaml

    text = access.kubeconfig(made(), LEARNERS[0], {"server": "https://10.0.0.1:6443"}, "TOKEN")
    found = yaml.safe_load(text)
    spaces = {c["name"]: c["context"]["namespace"] for c in found["contexts"]}
    assert spaces == {"lab": f"spring-{LEARNERS[0].slug}", "desk": "vlab-class-spring"}
    assert found["current-context"] == "lab" and len(found["users"]) == 1


@pytest.mark.parametrize(
    ("names", "enforced"),
    [
        ({"kube-proxy", "calico-node"}, True),
        ({"kindnet", "kube-proxy"}, True),
        ({"pod-network", "kube-proxy", "gpu-device-plugin"}, False),
        ({"kube-flannel-ds"}, False),
        ({"kube-proxy", "somebodys-cni"}, None),
    ],
)
def test_networks_that_keep_pods_apart(names, enforced):
    assert network.judged(names) is enforced
