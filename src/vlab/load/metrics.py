"""Reads an engine's /metrics beside a load, four times a second."""

import asyncio
import time
from collections import Counter

import aiohttp

from vlab.evidence.metrics import RUNNING, WAITING, Metrics, parse
from vlab.evidence.models import MetricSample

HERTZ = 4.0
_READ_TIMEOUT_S = 2.0
_SETTLE_S = 8.0
_MAX_BYTES = 16 * 1024 * 1024


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
        return self.at(self.now())

    def at(self, seconds: float) -> float:
        """A time of this clock in Unix time."""
        return round(self.started + seconds, 6)

    def zero(self) -> None:
        """Make now the start. Unix times stay on one line with those before."""
        passed = self.now()
        self.started += passed
        self._origin += passed


class Sampler:
    """Samples one /metrics URL of the engine `name`. A read that fails is counted by kind and does no harm."""

    def __init__(self, session: aiohttp.ClientSession, name: str, url: str, clock: Clock) -> None:
        self.name = name
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
            sample = MetricSample(t=at, pod=self.name, samples=parse(text, buckets=buckets))
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
            if sample is None or not _is_busy(sample):
                break
            await asyncio.sleep(1 / HERTZ)
        await self.read(buckets=True)


def _is_busy(sample: MetricSample) -> bool:
    metrics = Metrics([sample])
    return any(metrics.has(name) and metrics.last(name) for name in (RUNNING, WAITING))


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
