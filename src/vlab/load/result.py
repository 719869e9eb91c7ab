"""What a load run recorded: one line a request, the engine's metrics beside them, and the file of both."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from vlab.errors import LabError
from vlab.load.workload import Workload

_HINT = "name a file that `vlab load --out` wrote"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RequestRecord(_Record):
    """One request. Times are seconds since the run's start, on a clock that never steps."""

    class_name: str
    index: int
    """Within its class."""
    intended: float
    """When it was due. An open loop's latencies count from here, so that a late client hides nothing."""
    sent: float
    first_token: float | None = None
    """None if none came, or if the answer was not streamed."""
    chunks: tuple[float, ...] = ()
    """Arrival of each streamed event that carried output; one event may carry several tokens."""
    end: float
    reads: int = 0
    """Reads of the body; far fewer than chunks means that something gathered the stream on its way."""
    requested_tokens: int
    prompt_tokens: int | None = None
    """As the server counted; None if it did not say."""
    output_tokens: int = 0
    """As the server counted, else the number of chunks (then `counted` is false)."""
    counted: bool = False
    status: int | None = None
    """HTTP status; None if no answer began."""
    error: str | None = None
    """None, or its kind: connect, disconnected, timeout, deadline, http_<status>, stream_error (an error
    inside an answer with status 200), truncated (a stream that ended early), protocol (not this API)."""
    detail: str | None = None
    """The error in the server's or the client library's words."""

    @property
    def ok(self) -> bool:
        """Whether the whole answer came."""
        return self.error is None

    @property
    def latency(self) -> float:
        """Seconds from when it was due to its end."""
        return self.end - self.intended

    @property
    def ttft(self) -> float | None:
        """Time to first token: seconds from when it was due."""
        return None if self.first_token is None else self.first_token - self.intended

    @property
    def gaps(self) -> list[float]:
        """Inter-token latencies: seconds between one chunk and the next."""
        return [later - earlier for earlier, later in pairwise(self.chunks)]

    @property
    def time_per_output_token(self) -> float | None:
        """Mean seconds a token after the first; not misled by chunks of several tokens."""
        if self.first_token is None or self.output_tokens < 2:
            return None
        return (self.end - self.first_token) / (self.output_tokens - 1)


class MetricSample(_Record):
    """The engine's `vllm:*` metrics at one time; buckets are in a source's first and last sample only."""

    source: str
    """The URL that was read."""
    time: float
    """Unix seconds, from the run's clock."""
    values: dict[str, float]
    """By 'name' or 'name{label="value",...}', labels in alphabetical order."""


class TargetRecord(_Record):
    """Where a class was sent."""

    base_url: str
    model: str


class LoadResult(_Record):
    """A whole run."""

    schema_version: Literal[1] = 1
    workload: Workload
    nonce: str
    """What made this run's prompts new; empty where they are repeated."""
    targets: dict[str, TargetRecord]
    """By class."""
    started: float
    """Unix seconds of time 0."""
    requests: tuple[RequestRecord, ...]
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
        if version not in (None, 1):
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
