"""The build pipeline: what is finished is not built again, what was interrupted is, in the right order."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from vlab import ui
from vlab.build.pipeline import Pipeline, Step, Work, digest
from vlab.errors import LabError


def writes(text: str, log: list[str]):
    def build(work: Work) -> None:
        log.append(text)
        (work.out / "text").write_text(text)

    return build


def ensure(root: Path, *targets: Step) -> None:
    with ui.Steps() as steps:
        Pipeline(root, root / "logs").ensure(targets, steps)


def test_a_step_runs_after_what_it_needs_and_only_once(tmp_path):
    ran: list[str] = []
    first = Step("first", "First", writes("first", ran), {})
    left = Step("left", "Left", writes("left", ran), {}, (first,))
    right = Step("right", "Right", writes("right", ran), {}, (first,))
    last = Step("last", "Last", writes("last", ran), {}, (left, right))
    ensure(tmp_path, last)
    ensure(tmp_path, last)
    assert ran[0] == "first"
    assert sorted(ran[1:3]) == ["left", "right"]
    assert ran[3:] == ["last"]


def test_what_lies_behind_a_finished_step_is_not_built_again(tmp_path):
    ran: list[str] = []
    first = Step("first", "First", writes("first", ran), {})
    last = Step("last", "Last", writes("last", ran), {}, (first,))
    ensure(tmp_path, last)
    (first.path(tmp_path) / "text").unlink()
    first.path(tmp_path).rmdir()
    ensure(tmp_path, last)
    assert ran == ["first", "last"]


def test_another_input_of_a_need_is_another_key():
    def step(version: int) -> Step:
        return Step("last", "Last", writes("x", []), {}, (Step("first", "First", writes("x", []), {"v": version}),))

    assert step(1).key == step(1).key
    assert step(1).key != step(2).key


def test_a_failed_step_leaves_nothing_under_its_name_and_is_tried_again(tmp_path):
    attempts: list[int] = []

    def build(work: Work) -> None:
        (work.out / "half").write_text("half")
        attempts.append(1)
        if len(attempts) == 1:
            raise LabError("the registry is away", "try again")

    step = Step("only", "Only", build, {})
    with pytest.raises(LabError, match="registry"):
        ensure(tmp_path, step)
    assert not step.done(tmp_path)
    ensure(tmp_path, step)
    assert step.done(tmp_path)


def test_a_full_disk_is_said_with_its_cure(tmp_path):
    def build(work: Work) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(LabError, match="No space left") as caught:
        ensure(tmp_path, Step("only", "Only", build, {}))
    assert "vlab cache --prune" in caught.value.hint


def test_nothing_new_starts_after_a_failure(tmp_path):
    ran: list[str] = []

    def broken(work: Work) -> None:
        raise LabError("broken", "mend it")

    first = Step("first", "First", broken, {})
    after = Step("after", "After", writes("after", ran), {}, (first,))
    with pytest.raises(LabError, match="broken"):
        ensure(tmp_path, after)
    assert ran == []


KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from vlab import ui
    from vlab.build.pipeline import Pipeline, Step

    def build(work):
        (work.out / "half").write_text("half")
        if sys.argv[2] == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        (work.out / "whole").write_text("whole")

    step = Step("only", "Only", build, {})
    with ui.Steps() as steps:
        Pipeline(Path(sys.argv[1]), Path(sys.argv[1]) / "logs").ensure([step], steps)
    print(sorted(p.name for p in step.path(Path(sys.argv[1])).iterdir()))
    """
)


def test_kill_9_in_the_middle_of_a_step_costs_that_step_only(tmp_path):
    def run(how: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", KILLED, tmp_path, how], capture_output=True, text=True)

    assert run("die").returncode == -signal.SIGKILL
    assert [p.name for p in (tmp_path / "only").iterdir()] != []
    again = run("live")
    assert again.returncode == 0, again.stderr
    assert again.stdout.strip() == "['half', 'whole']"


def test_digest_depends_on_contents_names_and_order(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_text("1")
    b.write_text("2")
    assert digest([a, b]) == digest([a, b])
    assert digest([a, b]) != digest([b, a])
    before = digest([a])
    a.write_text("2")
    assert digest([a]) != before
    assert digest([a]) != digest([b])


def test_contained_tools_die_with_their_parent(tmp_path):
    if os.geteuid() != 0:
        pytest.fail("the tests run as root, as the build does")
    script = textwrap.dedent(
        """
        import os, signal, subprocess, sys
        from vlab.build.contain import CONTAINED
        child = subprocess.Popen([*CONTAINED, "sh", "-c", "echo up; sleep 1000 & wait"], stdout=subprocess.PIPE)
        child.stdout.readline()
        print(child.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    pid = int(done.stdout)
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]:
            break
        subprocess.run(["sleep", "0.05"], check=True)
    else:
        pytest.fail("the contained process outlived its parent")
