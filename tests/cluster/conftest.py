"""One lab for all cluster tests, brought up if it is not, and left up: the next run is quicker."""

import os
import subprocess
import time

import pytest

from harness import GRACE_S, NAME, SCRIPT, SPENDING, TIMES, Vlab, brought_up, run_vlab
from vlab import exercise
from vlab.cluster.kube import Kube, kube
from vlab.cluster.lab import Lab
from vlab.settings import NAMESPACE


@pytest.fixture(scope="session")
def vlab() -> Vlab:
    return run_vlab


@pytest.fixture(scope="session")
def up() -> None:
    """The lab is up; what it says goes to the terminal, because the first time takes minutes."""
    subprocess.run([SCRIPT, "up", "--name", NAME], check=True, stdin=subprocess.DEVNULL)


@pytest.fixture
def lab(up: None) -> Lab:
    """The lab, well: a test that breaks it leaves mending to the next one."""
    return brought_up()


@pytest.fixture
def cluster(lab: Lab) -> Kube:
    return kube(lab)


@pytest.fixture
def clean(cluster: Kube, lab: Lab) -> None:
    """No exercise is deployed."""
    exercise.remove(cluster, lab, NAMESPACE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Engines take minutes to start where images must be made first, so these tests may take longer than others.

    First comes what makes the images; last what is done with the time that is left, and at the very end what spends
    all of it.
    """
    for item in items:
        if item.get_closest_marker("cluster") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(900))
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    if item.get_closest_marker("before_all"):
        return -1
    marker = item.get_closest_marker("budgeted")
    return 0 if marker is None else 1 if marker.kwargs else 2


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What `make test` has no time for is not begun, and said: a run that is cut off says nothing."""
    end = os.environ.get("VLAB_TESTS_END")
    if end is None or item.get_closest_marker("cluster") is None:
        return
    marker = item.get_closest_marker("budgeted")
    needs = 60 * marker.kwargs["minutes"] if marker and marker.kwargs else -GRACE_S
    if time.time() + needs > float(end):
        pytest.skip("not run: no time is left for it")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What the gate had no time for is never green; what pages cost is to be seen."""
    spending = config.stash.get(SPENDING, None)
    for each in spending.not_run if spending else ():
        terminalreporter.write_line(f"not run: {each}", yellow=True)
    times = config.stash.get(TIMES, {})
    for page, seconds in times.items():
        terminalreporter.write_line(f"{seconds:6.1f} s  {page}")
    if times:
        terminalreporter.write_line(f"{sum(times.values()):6.1f} s  all pages' commands")
