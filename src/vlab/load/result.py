"""What a load run recorded: one line a request, the engine's metrics beside them, and the file of both."""

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from vlab.errors import LabError
from vlab.evidence.models import MetricSample, Request
from vlab.load.workload import Workload

_HINT = "name a file that `vlab load --out` wrote"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TargetRecord(_Record):
    """Where a class was sent."""

    base_url: str
    model: str


class LoadResult(_Record):
    """A whole run."""

    schema_version: Literal[2] = 2
    workload: Workload
    nonce: str
    """What made this run's prompts new; empty where they are repeated."""
    targets: dict[str, TargetRecord]
    """By class."""
    started: float
    """Unix seconds."""
    requests: tuple[Request, ...]
    """In order of their end."""
    not_sent: int = 0
    """Requests that the workload wanted and the run's timeout cut off."""
    metrics: tuple[MetricSample, ...] = ()
    metrics_errors: dict[str, int] = {}
    """Failed reads of /metrics by kind."""

    def save(self, path: Path) -> None:
        """Write it as JSON.

        Raises:
            LabError: the file cannot be written.
        """
        try:
            path.write_text(self.model_dump_json(exclude_none=True))
        except OSError as e:
            raise LabError(f"cannot write {path}: {e.strerror}", "name a file in a folder that exists") from None


def load(path: Path) -> LoadResult:
    """The run in a file that `LoadResult.save` wrote.

    Raises:
        LabError: it cannot be read or is not such a file.
    """
    try:
        return LoadResult.model_validate_json(path.read_bytes())
    except OSError as e:
        raise LabError(f"cannot read {path}: {e.strerror}", _HINT) from None
    except ValidationError as e:
        version = _version(path)
        if version not in (None, 2):
            raise LabError(f"{path} has version {version}, which this vlab does not know", "update vlab") from None
        first = e.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise LabError(
            f"{path} is not a result of `vlab load`: {where}: {first['msg'].lower()}",
            _HINT,
        ) from None


def _version(path: Path) -> object:
    try:
        data = json.loads(path.read_bytes())
    except ValueError:
        return None
    return data.get("schema_version") if isinstance(data, dict) else None
