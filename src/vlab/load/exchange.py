"""Sends one request and records what came back and when, or what kind of failure did."""

import asyncio
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from vlab.errors import LabError
from vlab.evidence.models import Request
from vlab.load import sse
from vlab.load.metrics import Clock, read_limited
from vlab.load.traffic import Order

_MAX_BODY_BYTES = 64 * 1024 * 1024
_MAX_DETAIL = 300


@dataclass(frozen=True)
class Target:
    """An endpoint; `base_url` with or without /v1, metrics are beside it unless `metrics_url` says where.

    Raises:
        LabError: base_url is no http or https URL.
    """

    base_url: str
    model: str
    api_key: str | None = field(default=None, repr=False)
    metrics_url: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", _checked(self.base_url))

    @property
    def metrics(self) -> str:
        """The URL of the engine's metrics."""
        return self.metrics_url or f"{self.base_url}/metrics"

    @property
    def headers(self) -> dict[str, str]:
        """Request headers. gzip is accepted, as by browsers: an edge that compresses a stream shows."""
        key = {} if self.api_key is None else {"Authorization": f"Bearer {self.api_key}"}
        return {"Accept-Encoding": "gzip", **key}


def _checked(base_url: str) -> str:
    try:
        url = URL(base_url)
        valid = url.scheme in ("http", "https") and bool(url.host)
    except ValueError:
        valid = False
    if not valid:
        raise LabError(f"{base_url!r} is not the URL of an endpoint", "it looks like http://127.0.0.1:8000")
    return base_url.rstrip("/").removesuffix("/v1")


@dataclass
class _Answer:
    """What came so far."""

    status: int | None = None
    chunks: list[float] = field(default_factory=list)
    reads: int = 0
    size: int = 0
    usage: sse.Usage | None = None
    end: float | None = None


class _RequestError(Exception):
    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


async def exchange(
    session: aiohttp.ClientSession,
    target: Target,
    order: Order,
    *,
    intended: float,
    clock: Clock,
    timeout: float,
    deadline: float,
) -> Request:
    """One request to its end, its `timeout` (seconds) or the run's `deadline`; this and `intended` are clock time."""
    answer, sent = _Answer(), clock.now()
    error: _RequestError | None = None
    try:
        async with asyncio.timeout(max(0.0, min(timeout, deadline - sent))):
            await _receive(session, target, order, answer, clock)
    except TimeoutError:
        late = deadline - sent < timeout
        words = "the run's time was over" if late else f"no end within {timeout:g} s"
        error = _RequestError("deadline" if late else "timeout", f"{words}, {len(answer.chunks)} chunks came")
    except (aiohttp.ClientError, sse.ProtocolError, ValueError) as e:
        error = _RequestError(_kind(e), str(e) or type(e).__name__)
    except _RequestError as e:
        error = e
    counted = answer.usage is not None
    chunks = tuple(map(clock.at, answer.chunks))
    return Request(
        class_name=order.class_name,
        index=order.index,
        intended=clock.at(intended),
        sent=clock.at(sent),
        first_token=chunks[0] if chunks else None,
        chunks=chunks,
        end=clock.at(clock.now() if answer.end is None else answer.end),
        reads=answer.reads,
        requested_tokens=order.max_tokens,
        prompt_tokens=answer.usage.prompt_tokens if answer.usage else None,
        output_tokens=answer.usage.output_tokens if answer.usage else len(answer.chunks),
        counted=counted,
        status=answer.status,
        error=error.kind if error else None,
        detail=str(error)[:_MAX_DETAIL] if error else None,
    )


def _kind(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorError():
            return "connect"
        case aiohttp.ClientPayloadError():
            return "truncated"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError():
            return "disconnected"
    return "protocol"


async def _receive(session: aiohttp.ClientSession, target: Target, order: Order, answer: _Answer, clock: Clock) -> None:
    body = {"model": target.model, **order.content}
    url = f"{target.base_url}{order.path}"
    async with session.post(url, json=body, headers=target.headers, allow_redirects=False) as response:
        answer.status = response.status
        if response.status != 200:
            raise _RequestError(
                f"http_{response.status}", _message(await read_limited(response.content, _MAX_BODY_BYTES))
            )
        if order.stream:
            await _receive_stream(response, answer, clock)
        else:
            _take_whole(await read_limited(response.content, _MAX_BODY_BYTES), answer)
        answer.end = answer.end or clock.now()


async def _receive_stream(response: aiohttp.ClientResponse, answer: _Answer, clock: Clock) -> None:
    if response.content_type != "text/event-stream":
        words = _message(await read_limited(response.content, _MAX_BODY_BYTES))
        raise _RequestError("protocol", f"a stream was asked for, {response.content_type} came: {words}")
    decoder = sse.Decoder()
    async for piece in response.content.iter_any():
        now = clock.now()
        answer.reads += 1
        answer.size += len(piece)
        if answer.size > _MAX_BODY_BYTES:
            raise _RequestError("protocol", f"a stream of over {_MAX_BODY_BYTES} bytes")
        for data in decoder.feed(piece):
            event = sse.interpret(data)
            if event.error is not None:
                raise _RequestError("stream_error", event.error)
            if event.done:
                answer.end = now
                _require_output(bool(answer.chunks))
                return
            answer.usage = event.usage or answer.usage
            if event.output:
                answer.chunks.append(now)
    raise _RequestError("truncated", f"the stream ended without [DONE] after {len(answer.chunks)} chunks")


def _take_whole(body: bytes, answer: _Answer) -> None:
    whole = sse.as_object(body)
    error = sse.error_in(whole)
    if error is not None:
        raise _RequestError("stream_error", error)
    _require_output(bool(whole.get("choices")))
    answer.usage = sse.usage_in(whole)


def _require_output(there: bool) -> None:
    if not there:
        raise _RequestError("protocol", "an answer without any output")


def _message(body: bytes) -> str:
    """The server's own words in an error's body."""
    try:
        words = sse.error_in(sse.as_object(body))
    except sse.ProtocolError:
        words = None
    return words or body[:_MAX_DETAIL].decode(errors="replace").strip() or "no words"
