"""Names that every room uses: the default lab and learner, providers, engines, and what a name may be."""

import re
from typing import Literal

from vlab.errors import LabError

DEFAULT_LAB = "vlab"
DEFAULT_LEARNER = "me"

ProviderName = Literal["context", "kind-registry", "kind-built"]
EngineName = Literal["docker", "podman"]


def checked_lab(name: str) -> str:
    """Raises: LabError if `name` cannot be part of a container's and a node's name."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", name):
        raise LabError(f"{name!r} cannot be a lab's name", "use up to 40 lower-case letters, digits and dashes")
    return name


def checked_learner(name: str) -> str:
    """Raises: LabError if `name` cannot be a folder's name and a label's value."""
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", name):
        raise LabError(
            f"{name!r} cannot be a learner's name",
            "use up to 63 letters, digits, dots, dashes and underscores; the first and the last a letter or digit",
        )
    return name
