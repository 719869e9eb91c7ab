"""Runs vlab as its users do, on the lab that the cluster tests share."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vlab.selection import Spending

NAME = "vlab-test"
SCRIPT = Path(sys.executable).with_name("vlab")

SPENDING = pytest.StashKey[Spending]()
"""What the gate had time for."""

TIMES = pytest.StashKey[dict[str, float]]()
"""How long the commands of each page took."""

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
