"""The shape of evidence, version 1."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class CannotTell(Exception):
    """The grader could not find out. Never held against the learner, never a pass."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Collected(_Model):
    """How one collector ended."""

    ok: bool
    reason: str = ""
    """Why it could not collect, if it could not."""
    seconds: float


class Header(_Model):
    """evidence.json: what was recorded, of whom, when, and how each collector ended."""

    schema_version: Literal[1] = 1
    vlab: str
    scenario: str
    learner: str
    namespace: str
    profile: str
    parameters: dict[str, Any] = {}
    cluster: dict[str, Any] = {}
    started: datetime
    seconds: float
    """On a clock that never steps."""
    collectors: dict[str, Collected]


class Probe(_Model):
    """A command that was run in a container."""

    name: str
    pod: str
    container: str
    command: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str


class Answer(_Model):
    """What the endpoint answered to one request. `status` None: no answer began, and `error` says why."""

    name: str
    """What was tried: models, completion ..."""
    service: str | None
    """The Service that it went through; None if none leads to a ready pod."""
    path: str
    status: int | None = None
    error: str = ""
    body: str = ""
    """The beginning of it."""
    text: str = ""
    """What the model generated."""
    seconds: float = 0.0
