"""One lab for all cluster tests, brought up if it is not, and left up: the next run is quicker."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vlab import exercise
from vlab.cluster import lab as labs
from vlab.cluster.kube import Kube
from vlab.cluster.lab import Lab
from vlab.cluster.up import kube

NAME = "vlab-test"

Vlab = Callable[..., subprocess.CompletedProcess[str]]


def run_vlab(*arguments: str | Path, timeout: float = 1800, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the console script as a user does."""
    return subprocess.run(
        [Path(sys.executable).with_name("vlab"), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "VLAB_NAME": NAME, **env},
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(scope="session")
def vlab() -> Vlab:
    return run_vlab


@pytest.fixture(scope="session")
def up() -> None:
    """The lab is up; what it says goes to the terminal, because the first time takes minutes."""
    script = Path(sys.executable).with_name("vlab")
    subprocess.run([script, "up", "--name", NAME], check=True, stdin=subprocess.DEVNULL)


@pytest.fixture
def lab(up: None) -> Lab:
    """The lab, well: a test that breaks it leaves mending to the next one's `vlab up`."""
    done = run_vlab("up")
    assert done.returncode == 0, done.stderr
    return labs.get(NAME)


@pytest.fixture
def cluster(lab: Lab) -> Kube:
    return kube(lab)


@pytest.fixture
def clean(cluster: Kube) -> None:
    """No exercise is deployed."""
    cluster.delete("namespace", exercise.NAMESPACE)
