"""The shape of evidence, version 1: what each file of the folder holds."""

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Object = dict[str, Any]
"""A Kubernetes object as the API gives it, without what is secret."""


class CannotTell(Exception):
    """The grader could not find out. Never held against the learner, never a pass."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Collected(_Model):
    """How one collector ended."""

    ok: bool
    reason: str = ""
    """Why it could not collect, if it could not."""
    seconds: float = 0.0


class Header(_Model):
    """evidence.json: what was recorded, of whom, when, and how each collector ended."""

    schema_version: Literal[1] = 1
    vlab: str
    scenario: str
    phase: str = "graded"
    """graded; of a recorded run what it shows: healthy, faulty, solved, or the wrong solution's name."""
    learner: str
    namespace: str
    profile: str
    parameters: dict[str, Any] = {}
    cluster: dict[str, Any] = {}
    started: datetime
    """By the clock of the machine that recorded, which may step."""
    finished: datetime | None = None
    seconds: float
    """From start to finish on a clock that never steps."""
    collectors: dict[str, Collected]

    @property
    def clock_stepped(self) -> bool:
        """Whether the machine's clock was set while evidence was recorded: by a second or more."""
        if self.finished is None:
            return False
        return abs((self.finished - self.started).total_seconds() - self.seconds) >= 1.0


class Probe(_Model):
    """A command that was run in a container."""

    name: str
    pod: str
    container: str
    command: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str


class MetricSample(_Model):
    """What one pod's /metrics said at one time."""

    t: float
    """Unix seconds, on a clock that does not step while evidence is recorded."""
    pod: str
    samples: dict[str, float]
    """Every vllm:* sample by 'name' or 'name{label="value",...}'; only finite values."""


class Request(_Model):
    """One request of a load. Times are Unix seconds on the same clock as the metrics."""

    id: str
    class_name: str
    """Of the workload: chat, batch ..."""
    path: Literal["direct", "edge"] = "direct"
    intended: float
    """When it was due; latencies count from here, so that a late client hides nothing."""
    sent: float
    first_token: float | None = None
    chunks: tuple[float, ...] = ()
    """Arrival of each streamed event that carried output."""
    end: float
    prompt_tokens: int | None = None
    output_tokens: int = 0
    status: int | None = None
    """HTTP status; None if no answer began."""
    error: str | None = None
    """Its kind: connect, disconnected, timeout, deadline, http_<status>, stream_error, truncated, protocol."""
    detail: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the whole answer came."""
        return self.error is None

    @property
    def ttft(self) -> float | None:
        """Time to first token: seconds from when it was due."""
        return None if self.first_token is None else self.first_token - self.intended

    @property
    def latency(self) -> float:
        """Seconds from when it was due to its end."""
        return self.end - self.intended

    @property
    def gaps(self) -> tuple[float, ...]:
        """Seconds between one chunk and the next."""
        return tuple(later - earlier for earlier, later in pairwise(self.chunks))


class StreamPath(_Model):
    """One streamed answer as it arrived over one path. Times are seconds since the request was sent."""

    url: str
    status: int | None = None
    """HTTP status; None if no answer began, and `error` says why."""
    error: str = ""
    content_encoding: str = ""
    """As the answer said: gzip, or empty."""
    headers: dict[str, str] = {}
    events: int = 0
    """Server-sent events in the whole answer."""
    reads: int = 0
    """Reads of the body; far fewer than events means that something gathered the stream on its way."""
    chunks: tuple[float, ...] = ()
    """When each read returned."""
    seconds: float = 0.0

    @property
    def first_chunk(self) -> float | None:
        """Seconds to the first of the body; None if there was none."""
        return self.chunks[0] if self.chunks else None

    @property
    def reads_per_event(self) -> float | None:
        """About 1 where tokens arrive one by one; None if there were no events."""
        return self.reads / self.events if self.events else None


class Stream(_Model):
    """The same question asked of the engine directly and through the edge."""

    direct: StreamPath | None = None
    edge: StreamPath | None = None


class Answer(_Model):
    """What the endpoint answered to one request. `status` None: no answer began, and `error` says why."""

    name: str
    """What was tried: models, completion ..."""
    service: str | None = None
    """The Service that it went through; None if none leads to a ready pod."""
    path: str
    status: int | None = None
    error: str = ""
    body: str = ""
    """The beginning of it."""
    text: str = ""
    """What the model generated."""
    ttft: float | None = None
    """Seconds to the first token, if the answer was streamed."""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether a whole answer with status 2xx came."""
        return self.status is not None and 200 <= self.status < 300 and not self.error


class Objects(_Model):
    """Every object of the namespace, and the nodes."""

    start: list[Object]
    """When the exercise had been started."""
    now: list[Object]


class Baseline(_Model):
    """What the healthy deployment reached on the same cluster, under the scenario's load."""

    recorded: datetime
    figures: dict[str, float]
    """By name; the collector and the grader of a scenario agree on them."""


@dataclass(frozen=True)
class Part:
    """One file of the folder."""

    file: str
    collector: str
    """Whose status in the header tells whether it was recorded."""
    type: Any
    """Of the whole file, or of one line."""
    lines: bool = False
    """One JSON value a line."""


PARTS = {
    "objects": Part("objects.json", "objects", Objects),
    "healthy": Part("baseline.json", "baseline", Baseline),
    "events": Part("events.json", "events", list[Object]),
    "probes": Part("probes.json", "probe", list[Probe]),
    "metrics": Part("metrics.jsonl", "metrics", MetricSample, lines=True),
    "requests": Part("requests.jsonl", "requests", Request, lines=True),
    "stream": Part("stream.json", "stream", Stream),
    "api": Part("api.json", "api", list[Answer]),
}
"""The parts of evidence that are data; logs/ and answers/ are texts."""
