"""Sends a workload from inside the cluster, where no tunnel gathers what comes."""

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp

from vlab.witness.http import exchange

_WARM_S = 15.0


async def send(given: dict[str, Any], say: Callable[..., None]) -> None:
    """Says `progress` four times a second, then the whole `result`, or what was `wrong`.

    Args:
        given: service, workload, model (empty: the first one served), api_key (or null); where given, `targets` (the
            address of a class that is sent elsewhere) and `engines` (by pod the address whose metrics are read).
    """
    from vlab.errors import LabError
    from vlab.load.client import Progress, first_model, run_async
    from vlab.load.exchange import Target
    from vlab.load.workload import Workload

    def note(p: Progress) -> None:
        say(kind="progress", done=p.done, in_flight=p.in_flight, errors=p.errors)

    await _warm({given["service"], *given.get("targets", {}).values()}, given["model"])
    try:
        model = given["model"] or await first_model(given["service"], given["api_key"])
        target = Target(given["service"], model, given["api_key"])
        result = await run_async(
            Workload.model_validate(given["workload"]),
            target,
            per_class={name: Target(url, model, given["api_key"]) for name, url in given.get("targets", {}).items()},
            engines={name: f"{url}/metrics" for name, url in given.get("engines", {}).items()},
            on_progress=note,
        )
    except LabError as e:
        say(kind="wrong", message=e.message, hint=e.hint)
        return
    say(kind="result", result=result.model_dump(mode="json", exclude_none=True))


async def _warm(urls: set[str], model: str) -> None:
    """Ask each address for one token until something answers: a Service that is new leads nowhere for a moment.

    An engine's first answer takes longer than all others, and belongs to no measurement.
    """
    body = {"model": model, "prompt": "Once", "max_tokens": 1}
    end = asyncio.get_running_loop().time() + _WARM_S
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        for url in sorted(urls):
            while asyncio.get_running_loop().time() < end:
                said = await exchange(session, "POST", f"{url}/v1/completions", body, timeout=_WARM_S)
                if said["status"] is not None:
                    break
                await asyncio.sleep(0.2)
