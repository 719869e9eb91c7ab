"""Where things lie: the data that vlab carries, the cache that can be rebuilt, the state of each lab."""

import os
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parents[1]


def data(name: str) -> Path:
    """Folder `name` (scenarios, graders, manifests, quiz) of the checkout, else as the wheel installed it."""
    checkout = _CHECKOUT / name
    return checkout if (_CHECKOUT / "pyproject.toml").is_file() else _PACKAGE / "data" / name


def cache() -> Path:
    """Everything that can be built again: images, binaries, downloads. VLAB_CACHE overrides."""
    return Path(os.environ.get("VLAB_CACHE") or platformdirs.user_cache_path("vlab")).absolute()


def state() -> Path:
    """What must not be lost: one folder for each lab, with its learners' runs. VLAB_STATE overrides."""
    return Path(os.environ.get("VLAB_STATE") or platformdirs.user_state_path("vlab")).absolute()


def labs() -> Path:
    """The folder that has one folder for each lab."""
    return state() / "labs"


def logs() -> Path:
    """Full output of the tools that vlab drives."""
    return state() / "logs"
