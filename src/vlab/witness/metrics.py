"""Reads every engine's metrics once."""

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp


async def read(given: dict[str, Any], say: Callable[..., None]) -> None:
    """Says a `sample` for each engine that answers.

    Args:
        given: engines ({name: url}).
    """
    from vlab.load.metrics import Clock, Sampler

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        clock = Clock()
        samplers = [Sampler(session, name, f"{url}/metrics", clock) for name, url in given["engines"].items()]
        for sample in await asyncio.gather(*(s.read(buckets=True) for s in samplers)):
            if sample is not None:
                say(kind="sample", **sample.model_dump(mode="json"))
