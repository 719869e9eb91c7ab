"""One lab for all cluster tests, brought up if it is not, and left up: the next run is quicker."""

import subprocess

import pytest

from harness import NAME, SCRIPT, SPENDING, TIMES, Vlab, brought_up, run_vlab
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
    """Engines take minutes to start where images must be made first, so these tests may take longer than others; what
    spends the time that is left comes last."""
    for item in items:
        if item.get_closest_marker("cluster") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(900))
    items.sort(key=lambda item: item.get_closest_marker("budgeted") is not None)


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
