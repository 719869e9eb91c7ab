"""The shape of evidence, version 2: what each file of the folder holds."""

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from vlab.evidence.api import Asked, Calls
from vlab.settings import SERVICE

Object = dict[str, Any]
"""A Kubernetes object as the API gives it, without what is secret."""


class CannotTell(Exception):
    """The grader could not find out. Never held against the learner, never a pass."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Collected(_Model):
    """How one collector ended."""

    ok: bool
    """Whether it could collect."""
    reason: str = ""
    """Why it could not collect, if it could not."""
    seconds: float = 0.0
    """How long it took."""


class Settled(_Model):
    """How waiting for the deployment to settle ended."""

    moving: str = ""
    """What still moved when patience was over; empty if all was still."""
    seconds: float = 0.0
    """How long it was waited for."""


class Promised(_Model):
    """What the users of the deployment were promised, as the brief says it."""

    model: str
    """The name under which it is served."""
    image: str
    """The engine's container image."""
    context: int
    """Tokens of prompt and answer together."""
    cache_path: str
    """Where in the engine's container the model cache is."""
    addresses: tuple[str, ...] = (SERVICE,)
    """The Services that clients send to, each on the one port that the brief names."""
    edge: str = ""
    """The Service in front of those, where there is one."""
    proxied: tuple[str, ...] = ()
    """Those of the addresses behind which something may stand in front of the engine."""


class Header(_Model):
    """evidence.json: what was recorded, of whom, when, and how each collector ended."""

    schema_version: Literal[2] = 2
    """The version of this format."""
    vlab: str
    """The version of vlab that recorded."""
    scenario: str
    """The exercise's id, of a task too."""
    learner: str
    """Whose run it is."""
    namespace: str
    """Where the exercise is deployed."""
    namespace_uid: str = ""
    """Its uid: another namespace of the same name has another one."""
    profile: str
    """cpu: simulated GPUs; gpu: real ones."""
    parameters: dict[str, Any] = {}
    """The exercise's parameters as they were drawn for the learner."""
    cluster: dict[str, Any] = {}
    """Its provider, context, instance and uid."""
    via: str = ""
    """How HTTP went to the endpoint: witness or forward; empty if none was asked for."""
    made_from: str = ""
    """Of a recorded run the digest of what it was made from."""
    challenge: str = ""
    """What whoever grades gave, to know this recording from an older one."""
    started: datetime
    """By the clock of the machine that recorded, which may step."""
    finished: datetime | None = None
    """When it ended, by the same clock."""
    seconds: float
    """From start to finish on a clock that never steps."""
    skew_seconds: float = 0.0
    """This machine's clock minus the cluster's."""
    promised: Promised | None = None
    """What the brief promises."""
    settled: Settled = Settled()
    """How waiting for the deployment to settle ended."""
    collectors: dict[str, Collected]
    """By collector."""
    refused: dict[str, str] = {}
    """Logs and answers that could not be kept, by file, and why; the others were."""


class Probe(_Model):
    """A command that was run in a container."""

    name: str
    """Which of vlab's probes it is."""
    pod: str
    """Where it was run."""
    container: str
    """In which of the pod's containers."""
    command: tuple[str, ...]
    """The program and its arguments."""
    exit_code: int
    """Of the command."""
    stdout: str
    """What it said."""
    stderr: str
    """What it complained of."""


class MetricSample(_Model):
    """What one engine's /metrics said at one time."""

    t: float
    """Unix seconds, on a clock that does not step while it is sampled."""
    pod: str
    """The pod that was read; the URL where no pod is known."""
    samples: dict[str, float]
    """Every vllm:* sample by 'name' or 'name{label="value",...}', labels in alphabetical order; only finite values.
    Buckets may be in an engine's first and last sample only."""


class Request(_Model):
    """One request of a load. Times are Unix seconds on the same clock as the metrics."""

    class_name: str
    """Of the workload: chat, batch ..."""
    index: int
    """Within its class."""
    path: Literal["direct", "edge"] = "direct"
    """Straight to the engine, or through the Service in front of it."""
    intended: float
    """When it was due; latencies count from here, so that a late client hides nothing."""
    sent: float
    """When it was sent."""
    first_token: float | None = None
    """None if none came, or if the answer was not streamed."""
    chunks: tuple[float, ...] = ()
    """Arrival of each streamed event that carried output; one event may carry several tokens."""
    end: float
    """When the last of the answer came, or the request had failed."""
    reads: int = 0
    """Reads of the body; far fewer than chunks means that something gathered the stream on its way."""
    requested_tokens: int
    """How long the answer was to be at most."""
    prompt_tokens: int | None = None
    """As the server counted; None if it did not say."""
    output_tokens: int = 0
    """As the server counted, else the number of chunks (then `counted` is false)."""
    counted: bool = False
    """Whether the server counted the tokens of the answer."""
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
    def ttft(self) -> float | None:
        """Time to first token: seconds from when it was due."""
        return None if self.first_token is None else self.first_token - self.intended

    @property
    def latency(self) -> float:
        """Seconds from when it was due to its end."""
        return self.end - self.intended

    @property
    def gaps(self) -> tuple[float, ...]:
        """Inter-token latencies: seconds between one chunk and the next."""
        return tuple(later - earlier for earlier, later in pairwise(self.chunks))

    @property
    def time_per_output_token(self) -> float | None:
        """Mean seconds a token after the first; not misled by chunks of several tokens."""
        if self.first_token is None or self.output_tokens < 2:
            return None
        return (self.end - self.first_token) / (self.output_tokens - 1)


class StreamPath(_Model):
    """One streamed answer as it arrived over one path. Times are seconds since the request was sent."""

    url: str
    """Where the question was sent."""
    status: int | None = None
    """HTTP status; None if no answer began, and `error` says why."""
    error: str = ""
    """The kind of what went wrong; empty if nothing did."""
    detail: str = ""
    """The error in the client library's words."""
    content_encoding: str = ""
    """As the answer said: gzip, or empty."""
    headers: dict[str, str] = {}
    """Of the answer, names in lower case."""
    events: int = 0
    """Server-sent events in the whole answer; an engine that is late puts several tokens into one."""
    tokens: int | None = None
    """Of the answer, as it says itself; None if it does not."""
    done: bool = True
    """Whether it came to its end, [DONE]."""
    reads: int = 0
    """Reads of the body; far fewer than events means that something gathered the stream on its way."""
    chunks: tuple[float, ...] = ()
    """When each read returned."""
    seconds: float = 0.0
    """Until it was over."""

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
    """Asked of the engine."""
    edge: StreamPath | None = None
    """Asked through the edge."""


class Loaded(_Model):
    """load.json: what is known of a measured load besides its requests and the engines' metrics."""

    started: float
    """Unix seconds, on the clock of the requests."""
    workload: str
    """Digest of what was sent, without its words: two loads of one workload ask for the same. Empty of a load that
    another program sent: then there are no requests, and the engines' metrics alone say what it was."""
    nonce: str
    """What made its prompts new."""
    via: str
    """How it went to the endpoint: witness or forward; own where another program sent it."""
    engines: tuple[str, ...]
    """The pods that were ready, whose metrics were read."""
    not_sent: int = 0
    """Requests that the load's time cut off."""
    metrics_errors: dict[str, int] = {}
    """Failed reads of /metrics by kind."""
    unsteady: str = ""
    """What changed behind the addresses meanwhile, to the last."""


class Measured(_Model):
    """A whole measured load, as it is kept with a run: the same as in evidence, in one file."""

    loaded: Loaded
    """What load.json holds."""
    requests: tuple[Request, ...]
    """What requests.jsonl holds."""
    metrics: tuple[MetricSample, ...]
    """What metrics.jsonl holds."""
    stream: Stream | None = None
    """What stream.json holds; None if no stream was measured."""


class Plugin(_Model):
    """A DaemonSet, of whatever namespace, that has to do with GPUs: a device plugin, or what else an operator runs."""

    namespace: str
    """Where it is."""
    name: str
    """Its own."""
    wanted: int
    """Pods, one on each node that it is meant for."""
    ready: int
    """Those of its pods that are ready."""


class Volume(_Model):
    """A volume that a claim of the exercise has or had."""

    name: str
    """Its own."""
    claim: str
    """The claim's name."""
    phase: str
    """As Kubernetes says it: Bound, Released, Failed."""
    policy: str
    """What becomes of it when the claim is gone: Delete or Retain."""


class Objects(_Model):
    """Every object of the namespace, and the nodes."""

    start: list[Object]
    """When the exercise had been started."""
    now: list[Object]
    """When it was recorded."""


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
    limit: int = 16 << 20
    """Bytes; a larger file is refused unread."""


PARTS = {
    "objects": Part("objects.json", "objects", Objects),
    "events": Part("events.json", "events", list[Object]),
    "probes": Part("probes.json", "probe", list[Probe]),
    "loaded": Part("load.json", "load", Loaded),
    "metrics": Part("metrics.jsonl", "load", MetricSample, lines=True, limit=64 << 20),
    "requests": Part("requests.jsonl", "load", Request, lines=True),
    "stream": Part("stream.json", "stream", Stream),
    "loaded_before": Part("before-load.json", "before", Loaded),
    "metrics_before": Part("before-metrics.jsonl", "before", MetricSample, lines=True, limit=64 << 20),
    "requests_before": Part("before-requests.jsonl", "before", Request, lines=True),
    "stream_before": Part("before-stream.json", "before", Stream),
    "api": Part("api.json", "api", Asked),
    "volumes": Part("volumes.json", "volumes", list[Volume]),
    "loads": Part("loads.jsonl", "loads", Measured, lines=True, limit=64 << 20),
    "calls": Part("calls.json", "calls", Calls),
    "plugins": Part("plugins.json", "gpus", list[Plugin]),
}
"""The parts of evidence that are data; logs/ and answers/ are texts."""
