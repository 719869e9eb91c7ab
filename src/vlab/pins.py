"""Reads pins.toml: every version that the lab is made of."""

import tomllib
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Kind(_Table):
    """The node image to use where a registry is reached."""

    node_image: str


class Debian(_Table):
    """The release that the images are built from."""

    suite: str


class Engine(_Table):
    """Profile cpu: vLLM's CPU build and its models. Model names are also their folders under /models."""

    vllm: str
    torch: str
    python: str
    model_package: str
    model: str
    tiny_model: str
    image: str
    registry_image: str


class Tools(_Table):
    """The small parts that run in the cluster."""

    image: str
    edge_image: str


class Gpu(_Table):
    """Profile gpu: the official image and the module's model."""

    image: str
    model: str


class Pins(_Table):
    """All of pins.toml."""

    kind: Kind
    debian: Debian
    engine: Engine
    tools: Tools
    gpu: Gpu


@cache
def pins() -> Pins:
    """The pinned versions."""
    return Pins.model_validate(tomllib.loads((files("vlab") / "pins.toml").read_text()))
