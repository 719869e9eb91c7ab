"""The pure parts of cluster: names, records, kind's configuration, what is ours and what is not."""

import os
import shutil
import subprocess
import sys
import threading

import pytest

from vlab import names, paths, ui
from vlab.build import store, targets
from vlab.build.pipeline import Step, Work
from vlab.cluster import kind, nodes
from vlab.cluster import lab as labs
from vlab.cluster.containers import Container, Engine, remove_images
from vlab.errors import Exit, LabError
from vlab.locks import held


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("VLAB_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("VLAB_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def lab():
    return labs.new("class-1", "kind-built", Engine("podman", True), "cpu", 2, "kind-class-1")


@pytest.mark.parametrize("name", ["", "Upper", "-a", "a-", "a_b", "a/b", "..", "a" * 41])
def test_names_that_cannot_be_are_refused(name):
    with pytest.raises(LabError, match="cannot be a lab's name"):
        names.checked_lab(name)


def test_a_lab_is_remembered(lab):
    lab.save()
    assert labs.find("class-1") == lab
    assert [found.name for found in labs.every()] == ["class-1"]


def test_a_lab_that_is_not_there_or_not_finished_says_what_to_do(lab):
    with pytest.raises(LabError, match="no lab 'class-1' is up") as caught:
        labs.get("class-1")
    assert caught.value.hint == "run `vlab up --name class-1` first"
    lab.save()
    with pytest.raises(LabError, match="never finished"):
        labs.get("class-1")


def test_a_broken_record_is_said_and_nothing_is_deleted(lab):
    lab.save()
    record = lab.folder / "lab.json"
    record.write_text("{")
    with pytest.raises(LabError, match=r"lab\.json cannot be read"):
        labs.find("class-1")
    assert record.read_text() == "{"


def test_kind_gets_a_control_plane_and_workers_on_the_golden_store(lab, tmp_path):
    made = kind.config(lab, tmp_path / "golden")
    assert [n["role"] for n in made["nodes"]] == ["control-plane", "worker", "worker"]
    own = [m["hostPath"] for n in made["nodes"] for m in n["extraMounts"] if m["containerPath"] == store.CONTAINERD]
    assert len(set(own)) == 3
    golden = [m for n in made["nodes"] for m in n["extraMounts"] if m["containerPath"] == store.SHARED]
    assert all(m["readOnly"] for m in golden)
    assert [kind.GPU_LABELS.items() <= n["labels"].items() for n in made["nodes"]] == [False, True, True]


def test_without_a_store_only_the_marker_is_mounted(lab):
    mounts = [m["containerPath"] for n in kind.config(lab, None)["nodes"] for m in n["extraMounts"]]
    assert store.CONTAINERD not in mounts
    assert kind.MARKER in mounts


def test_only_containers_with_our_marker_are_ours(lab):
    ours = Container("a", True, 1, frozenset({str(lab.marker)}))
    foreign = Container("b", True, 1, frozenset({"/somewhere"}))
    assert kind.ours(lab, [ours])
    assert not kind.ours(lab, [ours, foreign])
    with pytest.raises(LabError) as caught:
        kind.refuse_foreign("class-1", [foreign])
    assert caught.value.exit_code == Exit.NOT_OURS


def test_a_container_whose_process_is_gone_does_not_run_whatever_its_engine_says():
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert not Container("a", True, gone.pid, frozenset()).running


def test_pruning_keeps_what_a_lab_has_mounted(tmp_path):
    root = paths.cache()
    used, old = root / "store" / "aaaaaaaaaaaa", root / "store" / "bbbbbbbbbbbb"
    for folder in (used, old, root / "scratch" / "uv", root / "nodes" / "class-1" / "0"):
        (folder / "containerd").mkdir(parents=True)
    (root / "nodes" / "class-1" / targets.GOLDEN).symlink_to(used / "containerd")
    targets.prune(root)
    assert used.is_dir()
    assert (root / "nodes" / "class-1" / "0").is_dir()
    assert sorted(p.name for p in root.iterdir()) == ["nodes", "store"]
    assert not old.exists()


@pytest.fixture
def two_steps(monkeypatch):
    """A provider whose build leaves a compiler's cache and a result that only the next step needed."""

    def compile_it(work: Work) -> None:
        (work.scratch("go-build") / "object").touch()

    needed = Step("needed", "Compile", compile_it, {})
    monkeypatch.setattr(targets, "steps_of", lambda _: (Step("kept", "Keep", lambda _: None, {}, (needed,)),))
    monkeypatch.setitem(targets.PEAK_BYTES, "kind-registry", 0)


@pytest.fixture
def removal(monkeypatch):
    """Lets removals go on, which wait until it is set."""
    let_go, rmtree = threading.Event(), shutil.rmtree

    def wait_and_remove(folder, **options):
        assert let_go.wait(20)
        rmtree(folder, **options)

    monkeypatch.setattr(targets.shutil, "rmtree", wait_and_remove)
    yield let_go
    let_go.set()


def make_ready(steps):
    return targets.ready("kind-registry", Engine("podman"), steps)


def test_what_only_the_building_needed_is_removed_beside_the_cluster_start(two_steps, removal):
    root = paths.cache()
    with ui.Steps() as steps, make_ready(steps) as built:
        assert built.kind.parent.is_dir()
        left = [p.name for p in root.iterdir() if p.is_dir()]
        assert sorted(left) == ["kept", f"pruned.removing-{os.getpid()}"], "the start has waited, or it is not gone"
        assert not held(root), "others would wait for the removal"
        removal.set()
    assert [p.name for p in root.iterdir() if p.is_dir()] == ["kept"], "vlab up has not waited for its own removal"


def test_a_cluster_start_that_fails_says_so_at_once_and_the_next_one_goes_on_cleaning(two_steps, removal):
    with pytest.raises(LabError, match="no"), ui.Steps() as steps, make_ready(steps):
        raise LabError("no", "")
    root = paths.cache()
    assert list(root.glob("*.removing-*"))
    removal.set()
    with ui.Steps() as steps, make_ready(steps):
        pass
    assert not list(root.glob("*.removing-*"))


def test_who_changes_the_recipes_keeps_the_compilers_caches(two_steps, monkeypatch):
    monkeypatch.setenv("VLAB_KEEP_BUILD", "1")
    with ui.Steps() as steps, make_ready(steps):
        pass
    assert (paths.cache() / "scratch/go-build/object").is_file()


def test_too_small_a_disk_is_said_before_anything_is_built(tmp_path):
    with pytest.raises(LabError, match="GB are free") as caught:
        targets._check_disk(tmp_path, 10**18)
    assert "VLAB_CACHE" in caught.value.hint


def test_a_branch_of_the_store_shares_layers_and_owns_databases(tmp_path):
    golden, target = tmp_path / "golden", tmp_path / "node"
    layer = golden / store.SNAPSHOTS / "1" / "fs"
    layer.mkdir(parents=True)
    (layer / "file").write_text("layer")
    database = golden / "io.containerd.metadata.v1.bolt" / "meta.db"
    database.parent.mkdir()
    database.write_text("golden")
    store.branch(golden, target)
    link = target / store.SNAPSHOTS / "1" / "fs"
    assert str(link.readlink()) == f"{store.SHARED}/{store.SNAPSHOTS}/1/fs"
    own = target / "io.containerd.metadata.v1.bolt" / "meta.db"
    own.write_text("node")
    assert database.read_text() == "golden"


def test_extending_a_store_shares_files_and_copies_databases(tmp_path):
    golden, target = tmp_path / "golden", tmp_path / "more"
    golden.mkdir()
    (golden / "layer").write_text("layer")
    (golden / "meta.db").write_text("golden")
    store.extend(golden, target)
    assert (target / "layer").samefile(golden / "layer")
    assert not (target / "meta.db").samefile(golden / "meta.db")


WAITS = """
import sys
from pathlib import Path
from vlab.locks import locked

with locked(Path(sys.argv[1]), "busy"):
    print("got it", flush=True)
    sys.stdin.read()
"""


def test_a_lock_is_freed_by_kill_9_and_waited_for_with_a_word(tmp_path):
    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", WAITS, tmp_path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    with start() as first:
        assert first.stdout.readline() == "got it\n"
        with start() as second:
            assert "another vlab is busy" in second.stderr.readline()
            first.kill()
            assert second.stdout.readline() == "got it\n"
            second.kill()


def test_a_node_gets_back_what_a_learner_changed():
    def node(labels, **spec):
        return {"metadata": {"labels": labels}, "spec": spec}

    before = node({"a": "1", "gone": "x"}, taints=None)
    assert nodes.node_patch(before, before) == {}
    now = node({"a": "2", "mine": "y"}, unschedulable=True, taints=[{"key": "mine", "effect": "NoSchedule"}])
    assert nodes.node_patch(now, before) == {
        "metadata": {"labels": {"a": "1", "gone": "x", "mine": None}},
        "spec": {"taints": None, "unschedulable": None},
    }


def test_purging_names_only_images_of_this_cache_and_forces_nothing(tmp_path, monkeypatch):
    """What Podman is told: it refuses by itself to remove an image that a container uses, unless it is forced."""
    told = tmp_path / "told"
    podman = tmp_path / "bin" / "podman"
    podman.parent.mkdir()
    podman.write_text(f'#!/bin/sh\necho "$@" >> {told}\nexit 2\n')
    podman.chmod(0o755)
    monkeypatch.setenv("PATH", str(podman.parent), prepend=":")
    remove_images(targets.node_references(paths.cache()))
    assert not told.exists()
    (paths.cache() / "node" / "aaaaaaaaaaaa").mkdir(parents=True)
    remove_images(targets.node_references(paths.cache()))
    assert told.read_text() == "rmi localhost/vlab-node:aaaaaaaaaaaa\n"
