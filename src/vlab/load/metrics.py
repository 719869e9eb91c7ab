"""Reads an engine's /metrics beside a load, four times a second, and works with the samples."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import aiohttp

from vlab.evidence.metrics import aliases, parse
from vlab.load.result import MetricSample

HERTZ = 4.0
_READ_TIMEOUT_S = 2.0
_SETTLE_S = 3.0
_MAX_BYTES = 16 * 1024 * 1024

RUNNING = "vllm:num_requests_running"
WAITING = "vllm:num_requests_waiting"
KV_CACHE_USAGE = "vllm:kv_cache_usage_perc"
PREEMPTIONS = "vllm:num_preemptions_total"
PROMPT_TOKENS = "vllm:prompt_tokens_total"
GENERATION_TOKENS = "vllm:generation_tokens_total"
TTFT = "vllm:time_to_first_token_seconds"
PREFIX_QUERIES = "vllm:prefix_cache_queries_total"
PREFIX_HITS = "vllm:prefix_cache_hits_total"


class Clock:
    """Seconds since a start that is known in Unix time; never steps."""

    def __init__(self) -> None:
        self.started = time.time()
        self._origin = time.perf_counter()

    def now(self) -> float:
        """Seconds since the start, to the microsecond."""
        return round(time.perf_counter() - self._origin, 6)

    def unix(self) -> float:
        """Now in Unix time, by this clock's start."""
        return self.started + self.now()

    def zero(self) -> None:
        """Make now the start. Unix times stay on one line with those before."""
        passed = self.now()
        self.started += passed
        self._origin += passed


def series(sample: MetricSample, name: str) -> list[float]:
    """The values of a metric whatever its labels (one an engine), under its present or its old name."""
    for known in aliases(name):
        found = [v for key, v in sample.values.items() if key.partition("{")[0] == known]
        if found:
            return found
    return []


def total(sample: MetricSample, name: str) -> float | None:
    """The sum of a metric over its labels; None if the sample does not have it."""
    found = series(sample, name)
    return sum(found) if found else None


def highest(sample: MetricSample, name: str) -> float | None:
    """The highest value of a metric over its labels; None if the sample does not have it."""
    return max(series(sample, name), default=None)


def increase(samples: Sequence[MetricSample], name: str) -> float | None:
    """By how much a counter of one source rose. A fall is a restart, which counts from 0 again."""
    values = [v for v in (total(s, name) for s in samples) if v is not None]
    if len(values) < 2:
        return None
    return sum(b - a if b >= a else b for a, b in _pairs(values))


def restarts(samples: Sequence[MetricSample], name: str = GENERATION_TOKENS) -> int:
    """How often the counters of one source began again."""
    return sum(b < a for a, b in _pairs([v for v in (total(s, name) for s in samples) if v is not None]))


def _pairs(values: list[float]) -> Iterator[tuple[float, float]]:
    return pairwise(values)


class Sampler:
    """Samples one /metrics URL. A read that fails is counted by kind and does no harm."""

    def __init__(self, session: aiohttp.ClientSession, url: str, clock: Clock) -> None:
        self.url = url
        self.samples: list[MetricSample] = []
        self.errors: Counter[str] = Counter()
        self._session = session
        self._clock = clock

    async def read(self, *, buckets: bool = False) -> MetricSample | None:
        """One sample, or None if the read failed."""
        try:
            async with (
                asyncio.timeout(_READ_TIMEOUT_S),
                self._session.get(self.url, allow_redirects=False) as answer,
            ):
                if answer.status != 200:
                    self.errors[f"http_{answer.status}"] += 1
                    return None
                text = (await read_limited(answer.content, _MAX_BYTES)).decode()
                at = self._clock.unix()
            sample = MetricSample(source=self.url, time=at, values=parse(text, buckets=buckets))
        except TimeoutError:
            self.errors["timeout"] += 1
        except aiohttp.ClientError:
            self.errors["connect"] += 1
        except ValueError:
            self.errors["protocol"] += 1
        else:
            self.samples.append(sample)
            return sample
        return None

    async def loop(self) -> None:
        """Sample at an even pace until cancelled; a read that takes too long leaves a gap, not a queue."""
        tick = 0
        start = self._clock.now()
        while True:
            tick = max(tick + 1, int((self._clock.now() - start) * HERTZ) + 1)
            await asyncio.sleep(start + tick / HERTZ - self._clock.now())
            await self.read()

    async def settle(self) -> None:
        """Wait until nothing runs or waits: then the last requests are counted. Then the last sample."""
        end = self._clock.now() + _SETTLE_S
        while self._clock.now() < end:
            sample = await self.read()
            if sample is None or not (total(sample, RUNNING) or total(sample, WAITING)):
                break
            await asyncio.sleep(1 / HERTZ)
        await self.read(buckets=True)


async def read_limited(content: aiohttp.StreamReader, limit: int) -> bytes:
    """A body.

    Raises:
        ValueError: it is longer than `limit` bytes.
    """
    body = bytearray()
    async for piece in content.iter_any():
        body += piece
        if len(body) > limit:
            raise ValueError(f"an answer of over {limit} bytes")
    return bytes(body)
