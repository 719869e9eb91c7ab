"""Runs a workload against an OpenAI-compatible endpoint: every request recorded, the metrics beside it."""

import asyncio
import math
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count, islice, takewhile

import aiohttp

from vlab.errors import Exit, LabError
from vlab.evidence.models import Request
from vlab.load import sse, traffic
from vlab.load.exchange import Target, exchange
from vlab.load.metrics import HERTZ, Clock, Sampler, read_limited
from vlab.load.result import LoadResult, TargetRecord
from vlab.load.workload import ClosedLoop, TrafficClass, Workload

_ERROR_PAUSE_S = 0.5
"""A closed loop's user waits so long after an error: a dead server is not asked without pause."""


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    elapsed: float
    done: int
    in_flight: int
    errors: int


OnProgress = Callable[[Progress], None]


def run(
    workload: Workload,
    target: Target,
    *,
    per_class: Mapping[str, Target] | None = None,
    engines: Mapping[str, str] | None = None,
    nonce: str | None = None,
    on_progress: OnProgress | None = None,
) -> LoadResult:
    """Send the workload and wait for its end: `run_timeout_seconds` and a few seconds at most.

    `per_class` sends some classes elsewhere than to `target`. `engines` says where to read metrics, by the name that
    samples shall have; else they are read beside each target. The same `nonce` makes the same prompts;
    without one they are new, unless the workload says `prompts: repeat`. `on_progress` is called four times
    a second. What goes wrong with a request is in its record and raises nothing.
    """
    return asyncio.run(
        run_async(workload, target, per_class=per_class, engines=engines, nonce=nonce, on_progress=on_progress)
    )


async def run_async(
    workload: Workload,
    target: Target,
    *,
    per_class: Mapping[str, Target] | None = None,
    engines: Mapping[str, str] | None = None,
    nonce: str | None = None,
    on_progress: OnProgress | None = None,
) -> LoadResult:
    """`run`, within an event loop."""
    if nonce is None:
        nonce = secrets.token_hex(4) if workload.prompts == "fresh" else ""
    targets = {c.name: (per_class or {}).get(c.name, target) for c in workload.classes}
    # No limit: a pool that queues would hide the server's queue. A connection for each request, as from
    # separate users: a Service spreads them over its pods, and no idle one can be closed under a request.
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    no_timeout = aiohttp.ClientTimeout(total=None, sock_connect=None)  # deadlines are set around each request
    async with aiohttp.ClientSession(connector=connector, timeout=no_timeout) as session:
        urls = engines or {t.metrics: t.metrics for t in targets.values()}
        return await _Run(workload, targets, urls, nonce, session).go(on_progress)


async def first_model(base_url: str, api_key: str | None = None) -> str:
    """The name of the model that an endpoint serves.

    Raises:
        LabError: it does not answer, or not with a model.
    """
    target = Target(base_url, "", api_key)
    url = f"{target.base_url}/v1/models"
    hint = f"try it by hand: curl {url}"
    try:
        async with (
            asyncio.timeout(10),
            aiohttp.ClientSession() as session,
            session.get(url, headers=target.headers) as answer,
        ):
            body = await read_limited(answer.content, 1024 * 1024)
        if answer.status == 401:
            raise LabError(f"{url} wants an API key", "give it with --api-key or in VLLM_API_KEY")
        return str(sse.as_object(body)["data"][0]["id"])
    except (aiohttp.ClientError, TimeoutError) as e:
        words = str(e) or "no answer in 10 s"
        raise LabError(f"nothing that serves HTTP at {url}: {words}", hint, Exit.NO_LAB) from None
    except (sse.ProtocolError, ValueError, LookupError, TypeError):
        raise LabError(f"{url} does not list a model", hint, Exit.NO_LAB) from None


@dataclass
class _Run:
    workload: Workload
    targets: Mapping[str, Target]
    engines: Mapping[str, str]
    nonce: str
    session: aiohttp.ClientSession
    clock: Clock = field(default_factory=Clock)
    records: list[Request] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    errors: int = 0

    async def go(self, on_progress: OnProgress | None) -> LoadResult:
        samplers = [Sampler(self.session, name, url, self.clock) for name, url in self.engines.items()]
        await asyncio.gather(*(s.read(buckets=True) for s in samplers))
        self.clock.zero()
        beside = [asyncio.create_task(s.loop()) for s in samplers]
        if on_progress:
            beside.append(asyncio.create_task(self._report(on_progress)))
        try:
            async with asyncio.TaskGroup() as group:
                for c in self.workload.classes:
                    group.create_task(self._closed(c) if isinstance(c.arrival, ClosedLoop) else self._open(c))
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
        if on_progress:
            on_progress(self._progress())
        await asyncio.gather(*(s.settle() for s in samplers))
        return self._result(samplers)

    async def _closed(self, c: TrafficClass) -> None:
        assert isinstance(c.arrival, ClosedLoop)  # noqa: S101 - for the type checker
        indices = iter(range(c.requests)) if c.requests else count()
        step = c.arrival.ramp_seconds / c.arrival.users
        async with asyncio.TaskGroup() as users:
            for n in range(c.arrival.users):
                users.create_task(self._user(c, c.arrival.think_seconds, indices, n * step))

    async def _user(self, c: TrafficClass, think: float, indices: Iterator[int], begins: float) -> None:
        for index in indices:
            await self._sleep_until(begins)
            if self.clock.now() >= self._last_start:
                return
            record = await self._send(c, index, self.clock.now())
            begins = self.clock.now() + (think if record.ok else max(think, _ERROR_PAUSE_S))

    async def _open(self, c: TrafficClass) -> None:
        due_times = takewhile(lambda t: t < self._last_start, traffic.arrivals(self.workload, c))
        async with asyncio.TaskGroup() as group:
            for index, due in enumerate(islice(due_times, c.requests)):
                await self._sleep_until(due)
                group.create_task(self._send(c, index, due))

    async def _send(self, c: TrafficClass, index: int, intended: float) -> Request:
        self.sent[c.name] += 1
        record = await exchange(
            self.session,
            self.targets[c.name],
            traffic.build(self.workload, c, index, self.nonce),
            intended=intended,
            clock=self.clock,
            timeout=self.workload.request_timeout_seconds,
            deadline=self.workload.run_timeout_seconds,
        )
        self.records.append(record)
        self.errors += not record.ok
        return record

    @property
    def _last_start(self) -> float:
        return min(self.workload.duration_seconds or math.inf, self.workload.run_timeout_seconds)

    async def _sleep_until(self, when: float) -> None:
        await asyncio.sleep(max(0.0, min(when, self._last_start) - self.clock.now()))

    async def _report(self, on_progress: OnProgress) -> None:
        while True:
            on_progress(self._progress())
            await asyncio.sleep(1 / HERTZ)

    def _progress(self) -> Progress:
        done = len(self.records)
        return Progress(self.clock.now(), done, self.sent.total() - done, self.errors)

    def _result(self, samplers: list[Sampler]) -> LoadResult:
        counted = self.workload.duration_seconds is None
        planned = sum(c.requests or 0 for c in self.workload.classes) if counted else 0
        return LoadResult(
            workload=self.workload,
            nonce=self.nonce,
            targets={n: TargetRecord(base_url=t.base_url, model=t.model) for n, t in self.targets.items()},
            started=self.clock.started,
            requests=tuple(self.records),
            not_sent=max(0, planned - self.sent.total()),
            metrics=tuple(sorted((m for s in samplers for m in s.samples), key=lambda m: m.t)),
            metrics_errors=dict(sum((s.errors for s in samplers), Counter())),
        )
