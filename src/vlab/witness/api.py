"""Asks questions through the Service and of each pod by itself, and reads every engine's counters around that."""

import asyncio
import math
import re
from collections.abc import Callable, Collection
from typing import Any

import aiohttp

from vlab.witness import reference
from vlab.witness.http import LIMIT, as_object, as_text, bearer, exchange

_COUNTED_S = 3.0
"""An engine counts a request a moment after its answer has left."""
_PROMPT = 1000
"""Tokens of a question at most, and then some."""
_COUNTER = re.compile(r"^(vllm:[a-z0-9_]+)(?:\{[^}]*\})? ([0-9.eE+-]+)$")
COUNTERS = (
    "vllm:request_success_total",
    "vllm:generation_tokens_total",
    "vllm:prompt_tokens_total",
    "vllm:e2e_request_latency_seconds_count",
    "vllm:time_to_first_token_seconds_count",
    "vllm:inter_token_latency_seconds_count",
)

Say = Callable[..., None]


async def ask(given: dict[str, Any], say: Say) -> None:
    """Says `models`, `counters` before, one `answer` a question, `counters` after, and what the `reference` thinks.

    Args:
        given: services (urls) and pods ({name: url}), model, api_key (or null), prompts, max_tokens, weights (a folder,
            or empty).
    """
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
    headers = {"Accept-Encoding": "gzip", **bearer(given["api_key"])}
    async with aiohttp.ClientSession(
        timeout=timeout, connector=aiohttp.TCPConnector(force_close=True), headers=headers
    ) as session:
        models, *before = await asyncio.gather(
            exchange(session, "GET", f"{given['services'][0]}/v1/models"),
            *(counters(session, url) for url in given["pods"].values()),
        )
        say(kind="models", **models)
        if models["status"] != 200:
            return
        wheres = [*[("", url) for url in given["services"] for _ in range(2)], *given["pods"].items()]
        answers = await asyncio.gather(
            *(_question(session, given, where, prompt) for where, prompt in zip(wheres, given["prompts"], strict=False))
        )
        asked = sum(a["status"] == 200 for a in answers)
        after = await _counted(session, list(given["pods"].values()), before, asked)
        for name, b, a in zip(given["pods"], before, after, strict=True):
            say(kind="counters", pod=name, before=b, after=a)
        for answer in answers:
            say(kind="answer", **answer)
        if given["weights"]:
            say(
                kind="reference",
                **await reference.judge(given["weights"], [a["tokens"] for a in answers if a["tokens"]]),
            )


async def _question(
    session: aiohttp.ClientSession, given: dict[str, Any], where: tuple[str, str], prompt: str
) -> dict[str, Any]:
    pod, url = where
    body = {
        "model": given["model"],
        "prompt": prompt,
        "max_tokens": given["max_tokens"],
        "temperature": 0,
        "ignore_eos": True,
        "return_token_ids": True,
    }
    said = await exchange(session, "POST", f"{url}/v1/completions", body, timeout=20.0)
    whole = as_object(said["body"]) if said["status"] == 200 else {}
    choices = whole.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    usage = whole.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    tokens = [choice.get("prompt_token_ids"), choice.get("token_ids")]
    return {
        **said,
        "pod": pod,
        "prompt": prompt,
        "text": as_text(choice.get("text")),
        "model": as_text(whole.get("model")),
        "prompt_tokens": _count(usage.get("prompt_tokens")),
        "output_tokens": _count(usage.get("completion_tokens")),
        "tokens": tokens if _are_tokens(tokens[0], _PROMPT) and _are_tokens(tokens[1], given["max_tokens"]) else [],
    }


def _count(value: Any) -> int | None:
    """What an answer says that it counted, if that is a count."""
    return value if type(value) is int and 0 <= value <= LIMIT else None


def _are_tokens(found: Any, most: int) -> bool:
    """Whether these are ids of tokens, no more than was asked for: the weights are not kept busy with others."""
    return isinstance(found, list) and 0 < len(found) <= most and all(type(token) is int for token in found)


async def counters(session: aiohttp.ClientSession, url: str, names: Collection[str] = COUNTERS) -> dict[str, float]:
    """Some of the engine's counters by name, of all series together; empty if it has none."""
    said = await exchange(session, "GET", f"{url}/metrics", timeout=5.0)
    found: dict[str, float] = {}
    for line in said["body"].splitlines() if said["status"] == 200 else ():
        match = _COUNTER.match(line)
        if match and match[1] in names and (number := _number(match[2])) is not None:
            found[match[1]] = found.get(match[1], 0.0) + number
    return found


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


async def _counted(
    session: aiohttp.ClientSession, urls: list[str], before: list[dict[str, float]], asked: int
) -> list[dict[str, float]]:
    """The counters again, as soon as they have risen by what was asked, or when that takes too long."""
    name = COUNTERS[0]
    end = asyncio.get_running_loop().time() + _COUNTED_S
    while True:
        after = await asyncio.gather(*(counters(session, url) for url in urls))
        risen = sum(a.get(name, 0.0) - b.get(name, 0.0) for a, b in zip(after, before, strict=True))
        if risen >= asked or asyncio.get_running_loop().time() > end:
            return list(after)
        await asyncio.sleep(0.1)
