"""Runs vlab as its users do, on the lab that the cluster tests share."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from vlab.cluster import lab as labs
from vlab.cluster.containers import Engine
from vlab.cluster.lab import Lab
from vlab.cluster.up import problems
from vlab.errors import LabError
from vlab.selection import Spending

NAME = "vlab-test"
SCRIPT = Path(sys.executable).with_name("vlab")

SPENDING = pytest.StashKey[Spending]()
"""What the gate had time for."""

TIMES = pytest.StashKey[dict[str, float]]()
"""How long the commands of each page took."""

PODMAN = Engine("podman", own_conf=True)

GRACE_S = 900.0
"""What tests may take beyond the end of `make test`: nothing is begun later."""

LEAST_S = 120.0
"""What is spent on pages, and on scenarios, however late it is."""

Vlab = Callable[..., subprocess.CompletedProcess[str]]


def run_vlab(*arguments: str | Path, timeout: float = 1800, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the console script to its end."""
    return subprocess.run(
        [SCRIPT, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "VLAB_NAME": NAME, **env},
        stdin=subprocess.DEVNULL,
    )


def brought_up() -> Lab:
    """The lab, well: what a test broke is mended by `vlab up`, which is not asked for nothing."""
    lab = labs.find(NAME)
    if lab is None or not _is_well(lab):
        done = run_vlab("up")
        assert done.returncode == 0, done.stderr
    return labs.get(NAME)


def _is_well(lab: Lab) -> bool:
    try:
        return lab.state == "ready" and all(c.running for c in PODMAN.nodes(NAME)) and not problems(lab)
    except LabError:
        return False


def seconds_for(variable: str, minutes: float, share: float = 1) -> float:
    """What may be spent: minutes in the variable; else this share of what `make test` has left; else these minutes."""
    if own := os.environ.get(variable):
        return 60 * float(own)
    if end := os.environ.get("VLAB_TESTS_END"):
        return max(LEAST_S, share * (float(end) - time.time()))
    return 60 * minutes
