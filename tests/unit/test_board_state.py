import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import made_class
from vlab import catalog, paths
from vlab.classroom.board import numbers
from vlab.classroom.board.sources import Disk, room
from vlab.classroom.board.state import (
    BoardState,
    Check,
    Part,
    Room,
    Seen,
    Trouble,
    Wall,
    changes,
    of_report,
    stuck,
    view,
    with_news,
    with_room,
    with_seen,
)
from vlab.errors import LabError
from vlab.evidence import Evidence
from vlab.model import Verdict

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
ANA, BO = "ana", "bo"


def at(minutes):
    return T0 + timedelta(minutes=minutes)


def seen(minutes, verdicts="", source="grading", learner=ANA, exercise="one", **known):
    """A letter a check: p, f, e, s."""
    by_letter = {v.value[0]: v for v in Verdict}
    checks = tuple(Check(f"c{i}", f"Check {i}", by_letter[v], 1) for i, v in enumerate(verdicts))
    return Seen(learner, exercise, at(minutes), source, checks=checks, **known)


def after(*news):
    state = BoardState()
    for each in news:
        state = with_news(state, each)
    return state


def row(*news):
    return after(*news).current[ANA]


SEEN = st.builds(
    seen,
    st.integers(0, 50),
    st.text("pfes", max_size=5),
    st.sampled_from(["grading", "look"]),
    st.sampled_from([ANA, BO]),
    st.sampled_from(["one", "two"]),
    moving=st.sampled_from(["", "pod starts"]),
    percent=st.none() | st.floats(0, 100),
)
STARTED = st.builds(seen, st.integers(0, 50), source=st.just("start"), hints=st.integers(0, 3))
NEWS = st.lists(SEEN | STARTED, max_size=20)


@given(NEWS, SEEN)
def test_a_pass_that_counted_stays_one_until_a_new_start(news, more):
    before = after(*news)
    now = with_seen(before, more)
    for place, old in before.rows.items():
        new = now.rows[place]
        assert new.passed >= old.passed and new.progress >= old.progress
        assert new.solved >= old.solved and (new.percent or 0) >= (old.percent or 0)


@given(NEWS, SEEN)
def test_every_pass_since_the_start_counts(news, more):
    now = after(*news, more).rows[more.learner, more.exercise]
    assert (more.passes <= now.passed) or more.at < now.started


@given(NEWS)
def test_the_same_news_again_change_nothing(news):
    once = after(*news)
    shown = {place: replace(each, checks=()) for place, each in once.rows.items()}
    again = after(*news, *sorted(news, key=lambda each: each.at))
    latest = {place: replace(each, checks=()) for place, each in again.rows.items()}
    assert latest.keys() == shown.keys()
    assert all(latest[place].passed >= shown[place].passed for place in shown)


def test_a_new_start_forgets_the_old_ones_passes_and_an_old_start_or_grading_comes_to_nothing():
    assert row(seen(1, "pp"), seen(5, source="start")).passed == set()
    kept = after(seen(5, source="start"), seen(6, "pf"))
    assert with_seen(kept, seen(2, source="start")) is kept
    assert with_seen(kept, seen(4, "pp")) is kept
    assert after(seen(5, source="start"), seen(6, "pf"), seen(5, source="start", hints=2)).current[ANA].passed == {"c0"}


def test_a_start_that_is_told_late_takes_nothing_away():
    assert row(seen(6, "pf"), seen(5, source="start")).passed == {"c0"}


def test_what_cannot_be_told_keeps_what_was_told_last():
    assert [c.verdict for c in row(seen(1, "pf"), seen(2, "ee", "look")).checks] == [Verdict.PASS, Verdict.FAIL]
    assert [c.verdict for c in row(seen(2, "e")).checks] == [Verdict.ERROR]


def test_a_check_that_fails_again_has_passed_before():
    now = row(seen(1, "pf"), seen(2, "ff"))
    assert (now.best, now.earlier) == (1, ("c0",))
    assert row(seen(1, "pf"), seen(2, "ff"), seen(3, "pf")).earlier == ()


def test_it_is_solved_when_all_passes_at_once():
    assert not row(seen(1, "pf"), seen(2, "fp")).solved
    assert row(seen(1, "pp"), seen(2, "fp")).solved
    assert not row(seen(1, "")).solved


def test_a_look_that_moves_tells_no_verdicts_and_keeps_those_that_there_are():
    now = row(seen(1, "pf"), seen(2, "", "look", moving="pod starts"))
    assert (now.best, len(now.checks), now.moving) == (1, 2, "pod starts")
    assert row(seen(1, "", "look", moving="pod starts"), seen(2, "p")).moving == ""


def test_the_exercise_in_progress_is_the_one_that_was_worked_at_last():
    two = (seen(1, source="start"), seen(2, "p"), seen(5, source="start", exercise="two"))
    assert row(*two).exercise == "two"
    assert row(*two, seen(6, "p", "look")).exercise == "two", "a look is nobody's doing"
    assert row(*two, seen(6, "pp", "look")).exercise == "one", "but what passes now is"
    assert row(*two, seen(6, "p")).exercise == "one"


@pytest.mark.parametrize(
    ("news", "now", "minutes"),
    [
        ((seen(0, source="start"),), 9, None),
        ((seen(0, source="start"),), 10, 10),
        ((seen(0, source="start"), seen(8, "ff")), 12, 12),
        ((seen(0, source="start"), seen(8, "pf")), 12, None),
        ((seen(0, source="start"), seen(8, "pf")), 18.5, 10),
        ((seen(0, source="start"), seen(1, "pf"), seen(8, "pf")), 12, 11),
        ((seen(0, source="start"), seen(1, "pf"), seen(8, source="start")), 12, None),
        ((seen(0, source="start"), seen(1, "pp")), 100, None),
        ((seen(20, source="start"),), 10, None),
    ],
)
def test_who_is_stuck(news, now, minutes):
    assert stuck(row(*news), at(now), 10) == minutes


JSON = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
)
VIEWS = st.dictionaries(st.sampled_from("abcd"), JSON, max_size=4)


def patched(old, patch):
    """As RFC 7396 says."""
    if not isinstance(patch, dict):
        return patch
    made = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = patched(made.get(key), value)
    return made


@given(VIEWS, VIEWS)
def test_changes_make_the_new_one_of_the_old_one(old, new):
    patch = changes(old, new)
    assert patched(old, patch) == new
    assert (patch == {}) == (old == new)


@pytest.fixture
def of(tmp_path, monkeypatch):
    monkeypatch.setenv("VLAB_STATE", str(tmp_path))
    return made_class.made(4)


def test_only_what_has_changed_is_sent(of):
    slugs = [each.slug for each in of.learners]
    state = after(*(seen(0, source="start", learner=slug) for slug in slugs), seen(1, "fff", learner=slugs[0]))
    wall = Wall(of)
    old = view(state, wall, at(2))
    new = view(with_seen(state, seen(2, "fpf", learner=slugs[0])), wall, at(2))
    assert changes(old, new)["rows"].keys() == {"1"}
    assert changes(old, new)["rows"]["1"]["checks"] == {"c1": "pass"}
    assert changes(new, view(with_seen(state, seen(2, "fpf", learner=slugs[0])), wall, at(3))) == {}


@given(NEWS)
def test_a_view_is_json_without_null(news):
    of = made_class.Class(
        name="c", uid="u", lab="l", lab_instance="1", created=T0,
        learners=(made_class.Learner(slug=ANA, key="1", name="Ana"), made_class.Learner(slug=BO, key="2", name="Bo")),
    )  # fmt: skip
    shown = view(with_room(after(*news), Room()), Wall(of), at(60))
    assert "null" not in json.dumps(shown)
    assert json.loads(json.dumps(shown)) == shown


def test_without_names_nothing_of_a_roster_or_of_a_cluster_is_told(of):
    told = numbers.numbers(of)
    news = [seen(0, "", "look", each.slug, moving=f"pod in {of.namespace(each)}") for each in of.learners]
    state = after(*news, Trouble("cluster", f"{of.namespace(of.learners[0])} cannot be read"))
    open_, hidden = (json.dumps(view(state, Wall(of, numbers=n), at(1)), ensure_ascii=False) for n in (None, told))
    for each in of.learners:
        for word in (each.name, each.slug, each.key):
            assert word not in hidden
        assert each.name in open_ and each.slug in open_
    assert "Learner 1" in hidden


def test_in_an_exam_nothing_says_how_well_anybody_does(tmp_path, monkeypatch):
    monkeypatch.setenv("VLAB_STATE", str(tmp_path))
    of = made_class.made(2, exam=True)
    slug = of.learners[0].slug
    start = (seen(0, source="start", learner=slug), seen(1, "ff", learner=slug))
    shown = {
        verdicts: view(after(*start, seen(2, verdicts, "look", learner=slug)), Wall(of), at(30))
        for verdicts in ("ff", "pf", "pp")
    }
    assert shown["ff"] == shown["pf"] == shown["pp"]
    assert shown["pp"]["rows"]["1"].keys() == {"number", "label", "slug", "state", "exercise", "active"}
    assert shown["pp"]["exercises"] == {"one": {"title": "one", "checks": {}}}


def test_troubles_come_and_go(of):
    wall = Wall(of)
    assert view(after(Trouble("disk", "full")), wall, T0)["troubles"] == {"disk": "full"}
    assert view(after(Trouble("disk", "full"), Trouble("disk")), wall, T0)["troubles"] == {}


def test_numbers_stay_and_newcomers_get_their_own(of):
    first = numbers.numbers(of)
    assert sorted(first.values()) == [1, 2, 3, 4]
    assert numbers.numbers(of) == first
    assert not any(each.name in numbers.file(of).read_text() for each in of.learners)
    grown = made_class.made(6)
    assert first.items() < numbers.numbers(grown).items()
    fewer = made_class.made(2)
    assert numbers.numbers(fewer) == numbers.numbers(grown)


@pytest.mark.parametrize("text", ["", "number,learner\n1,ana\n1,bo\n", "number,learner\nx,ana\n", "a\n1\n", "\0"])
def test_numbers_that_cannot_be_read_are_refused_and_kept(of, text):
    numbers.file(of).write_text(text)
    with pytest.raises(LabError, match="cannot be read"):
        numbers.numbers(of)
    assert numbers.file(of).read_text() == text


def test_disk_tells_starts_and_gradings_once_by_time(of):
    ana, bo = of.learners[:2]
    now = datetime.now(UTC)
    disk = Disk(of)
    assert disk.look() == []
    made_class.begin(of, bo, "shm-missing", now - timedelta(minutes=9))
    made_class.begin(of, ana, "shm-missing", now - timedelta(minutes=8))
    report = made_class.record(of, bo, "shm-missing", "faulty", now - timedelta(minutes=7))
    found = disk.look()
    assert [(each.learner, each.source) for each in found] == [
        (bo.slug, "start"), (ana.slug, "start"), (bo.slug, "grading"),
    ]  # fmt: skip
    assert found[2] == of_report(bo.slug, report) and len(found[2].checks) == len(report.checks)
    assert disk.look() == []
    made_class.record(of, bo, "shm-missing", "solved", now - timedelta(minutes=6))
    made_class.begin(of, ana, "shm-missing", now - timedelta(minutes=8), hints=1)
    grading, hinted = disk.look()[::-1]
    assert grading.solved and hinted.hints == 1
    assert disk.look() == []


def test_disk_waits_for_a_grading_that_is_half_written_and_leaves_out_what_stays_so(of, capsys):
    ana, bo = of.learners[:2]
    now = datetime.now(UTC)
    disk = Disk(of)
    made_class.record(of, ana, "shm-missing", "faulty", now)
    (file,) = made_class.begin(of, ana, "shm-missing", now).folder.glob("gradings/*/report.json")
    whole = file.read_text()
    file.write_text(whole[:100])
    assert [each.source for each in disk.look()] == ["start"]
    file.write_text(whole)
    assert [each.source for each in disk.look()] == ["grading"]
    made_class.record(of, bo, "shm-missing", "faulty", now)
    (file,) = made_class.begin(of, bo, "shm-missing", now).folder.glob("gradings/*/report.json")
    file.write_text("{}")
    assert [each.source for each in disk.look()] == ["start"]
    assert disk.look() == disk.look() == []
    assert capsys.readouterr().err.count("is left out") == 1


def test_disk_takes_nothing_of_another_lab_or_of_before_the_class(of):
    ana = of.learners[0]
    made_class.begin(of.model_copy(update={"lab_instance": "2"}), ana, "shm-missing", datetime.now(UTC))
    made_class.begin(of, of.learners[1], "shm-missing", of.created - timedelta(hours=1))
    made_class.record(of, ana, "shm-missing", "solved", of.created - timedelta(hours=1))
    assert Disk(of).look() == []


def test_disk_says_what_it_cannot_read_and_tells_of_others(of):
    ana, bo = of.learners[:2]
    made_class.begin(of, bo, "shm-missing", datetime.now(UTC))
    folder = paths.labs() / of.lab / "runs" / ana.slug
    folder.symlink_to(folder)
    disk = Disk(of)
    told, trouble = disk.look()
    assert told.learner == bo.slug and f"{folder} cannot be read" in trouble.words
    assert disk.look() == []
    folder.unlink()
    made_class.begin(of, ana, "shm-missing", datetime.now(UTC))
    assert [type(each) for each in disk.look()] == [Seen, Trouble]


def test_room_is_what_nodes_give_without_what_pods_ask_for():
    recorded = Evidence(catalog.exercise("four-gpu-pending").recorded["faulty"])
    nodes = [o for o in recorded.objects if o["kind"] == "Node"]
    pods = [o for o in recorded.objects if o["kind"] == "Pod"]
    found = room(nodes, pods)
    gpus = sum(int(n["status"]["allocatable"].get("nvidia.com/gpu", 0)) for n in nodes)
    assert found.gpus.there == gpus > 0
    assert found.waiting == sum("nodeName" not in p["spec"] for p in pods) == 1
    assert room(nodes, []).gpus == Part(0, gpus)


def node(name="n", taints=(), ready="True", **spec):
    given = {"cpu": "4", "memory": "8Gi", "nvidia.com/gpu": "2"}
    status = {"allocatable": given, "conditions": [{"type": "Ready", "status": ready}]}
    return {"metadata": {"name": name}, "spec": {"taints": list(taints), **spec}, "status": status}


def pod(*containers, node="n", phase="Running", **spec):
    where = {"nodeName": node} if node else {}
    made = [{"name": "c", "resources": {"requests": each}} for each in containers]
    return {"metadata": {"name": "p"}, "spec": {"containers": made, **where, **spec}, "status": {"phase": phase}}


@pytest.mark.parametrize(
    ("pods", "cpu"),
    [
        ([pod({"cpu": "500m"}, {"cpu": 1})], 1.5),
        ([pod({"cpu": "1"}, initContainers=[{"resources": {"requests": {"cpu": "3"}}}])], 3),
        ([pod({"cpu": "1"}, initContainers=[{"resources": {"requests": {"cpu": 2}}, "restartPolicy": "Always"}])], 3),
        ([pod({"cpu": "1"}, overhead={"cpu": "250m"})], 1.25),
        ([pod({"cpu": "1"}, phase="Succeeded")], 0),
        ([pod({"cpu": "1"}, node="elsewhere")], 0),
        ([pod({"cpu": "1"}, node="", phase="Pending")], 0),
        ([{**pod(), "spec": {"nodeName": "n", "containers": [{"resources": {"limits": {"cpu": "2"}}}]}}], 2),
    ],
)
def test_what_a_pod_asks_for(pods, cpu):
    assert room([node()], pods).cpu == Part(cpu, 4)


@pytest.mark.parametrize(
    ("closed", "gpus"),
    [
        (node(taints=[{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]), 0),
        (node(taints=[{"key": "nvidia.com/gpu", "effect": "NoSchedule"}]), 2),
        (node(taints=[{"key": "slow", "effect": "PreferNoSchedule"}]), 2),
        (node(unschedulable=True), 0),
        (node(ready="Unknown"), 0),
    ],
)
def test_only_nodes_that_take_pods_have_room(closed, gpus):
    assert room([closed], []).gpus.free == gpus


def test_room_in_words(of):
    shown = view(with_room(BoardState(), room([node()], [pod({"nvidia.com/gpu": "1", "memory": "2Gi"})])), Wall(of), T0)
    assert [shown["room"][what]["words"] for what in ("gpus", "cpu", "memory", "waiting")] == [
        "1 of 2 GPUs free", "4.0 of 4.0 CPUs free", "6.0 of 8.0 GiB of memory free", "no pod waits for room",
    ]  # fmt: skip
