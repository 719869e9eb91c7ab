"""The first build, killed in some of its steps: nothing is left running or mounted, and the next run goes on.

It comes first among the cluster tests and makes the images that the others use. Where they are built already there
is nothing to interrupt; on a fresh machine it is the first build that is interrupted.
"""

import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from tenacity import RetryError, retry, retry_if_result, stop_after_delay, wait_fixed

from harness import NAME, SCRIPT
from vlab import freshness, paths
from vlab.build import targets
from vlab.build.pipeline import Pipeline
from vlab.selection import drawn

pytestmark = [pytest.mark.cluster, pytest.mark.before_all]

KILLS = 3
"""So often it is killed, each time in another step; the commit draws which."""

AT_ONCE = {"host"}
"""Steps that end before anybody could kill them."""


def processes_at_work() -> list[str]:
    """Command lines of processes that have to do with the cache, other than ours and a running lab's."""
    cache = str(paths.cache())
    lines = [_command(p) for p in Path("/proc").glob("[0-9]*/cmdline")]
    return [line for line in lines if cache in line and "conmon" not in line and "pytest" not in line]


def _command(file: Path) -> str:
    try:
        return file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


@retry(retry=retry_if_result(bool), stop=stop_after_delay(10), wait=wait_fixed(0.1))
def left_behind() -> list[str]:
    mounts = [m for m in Path("/proc/self/mountinfo").read_text().splitlines() if ".partial" in m]
    return processes_at_work() + mounts


def running_steps() -> set[str]:
    return {p.parent.name for p in paths.cache().glob("*/*.partial")}


@pytest.mark.timeout(2700)  # it builds everything, some of it twice
def test_kill_9_in_steps_of_the_build(capfd):
    wanted = targets.steps_of("kind-built")
    missing = {step.name for step in Pipeline(paths.cache(), paths.logs()).missing(wanted)} - AT_ONCE
    if not missing:
        pytest.skip("the images are built already: nothing is left to interrupt")
    waiting = set(drawn(sorted(missing), freshness.commit())[:KILLS])
    with capfd.disabled():  # minutes without a word look like a run that hangs
        while (up := ended_or_killed(waiting)) is None:
            assert left_behind() == []
    assert up == 0
    assert waiting == set()


def ended_or_killed(waiting: set[str]) -> int | None:
    """Run `vlab up` and kill it in a step that waits for it, which is taken out; its exit code if it ends before."""
    up = subprocess.Popen([SCRIPT, "up", "--name", NAME, "--provider", "kind-built"], stdin=subprocess.DEVNULL)

    @retry(retry=retry_if_result(lambda now: now == set()), wait=wait_fixed(0.1))
    def now_running() -> set[str] | None:
        return None if up.poll() is not None else running_steps() & waiting

    @retry(retry=retry_if_result(lambda tools: tools == []), stop=stop_after_delay(3), wait=wait_fixed(0.1))
    def tools_at_work() -> list[str]:
        return processes_at_work()

    steps = now_running()
    if steps is None:
        return up.returncode
    with suppress(RetryError):  # some steps run no tool
        tools_at_work()
    up.kill()
    up.wait()
    waiting -= steps
    return None
