"""Asks the API one question of every kind, with the key and without, and measures what prefix caching does."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import aiohttp

from vlab.witness.api import counters
from vlab.witness.http import as_object, as_text, bearer, exchange

_TIMEOUT_S = 20.0
_COUNTED_S = 3.0
"""An engine counts a question's tokens a moment after its answer has left."""
QUERIES, HITS = "vllm:prefix_cache_queries_total", "vllm:prefix_cache_hits_total"
_BLOCK = re.compile(r'^vllm:cache_config_info\{(?:[^}]*,)?block_size="(\d+)"', re.MULTILINE)
_FEW = 8
"""Tokens of an answer."""


async def ask(given: dict[str, Any], say: Callable[..., None]) -> None:
    """Says one `call` a kind of question, then `prefix` for beginnings that are long and short.

    Args:
        given: services (urls, of which the first is asked) and pods ({name: url}), model, api_key (or null), context
            (tokens), prompts (three beginnings of a sentence), long (many of them).
    """
    url = given["services"][0]
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
    async with (
        aiohttp.ClientSession(timeout=timeout, headers=bearer(given["api_key"])) as known,
        aiohttp.ClientSession(timeout=timeout) as nobody,
    ):
        prefix = _Prefix(known, given)
        await prefix.begin()
        for name, (method, path, body) in _questions(given).items():
            say(kind="call", name=name, **_read(await exchange(known, method, url + path, body, _TIMEOUT_S)))
        for name, (method, path, body) in _unguarded(given).items():
            said = await exchange(nobody, method, url + path, body, _TIMEOUT_S)
            say(kind="call", name=f"{name} without key", **_read(said))
        first, second, third = given["prompts"]
        await prefix.say("long", [given["long"], given["long"]], say)
        await prefix.say("short", [f"{first} {second}", f"{first} {third}"], say)


def _questions(given: dict[str, Any]) -> dict[str, tuple[str, str, Any]]:
    """By kind: method, path and body."""
    common = {"model": given["model"], "max_tokens": _FEW, "temperature": 0}
    one = given["prompts"][0]
    chat = {**common, "messages": [{"role": "user", "content": one}]}
    completions, chats = "/v1/completions", "/v1/chat/completions"
    return {
        "models": ("GET", "/v1/models", None),
        "completion": ("POST", completions, {**common, "prompt": one}),
        "chat": ("POST", chats, chat),
        "stream": ("POST", chats, {**chat, "stream": True}),
        "unknown model": ("POST", completions, {**common, "prompt": one, "model": "nobody/nothing"}),
        "too long": ("POST", completions, {**common, "prompt": "the " * (given["context"] + 100)}),
    }


def _unguarded(given: dict[str, Any]) -> dict[str, tuple[str, str, Any]]:
    asked = _questions(given)
    return {
        "models": asked["models"],
        "completion": asked["completion"],
        "health": ("GET", "/health", None),
        "metrics": ("GET", "/metrics", None),
    }


def _read(said: dict[str, Any]) -> dict[str, Any]:
    """What came, with the text of an answer; of a stream how many events, and whether it came to its end."""
    lines = [line.removeprefix("data:").strip() for line in said["body"].splitlines() if line.startswith("data:")]
    whole = as_object(said["body"])
    choices = whole.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    message = choice.get("message")
    text = choice.get("text") or (message.get("content") if isinstance(message, dict) else "")
    return {**said, "text": as_text(text), "events": len(lines), "done": lines[-1:] == ["[DONE]"]}


class _Prefix:
    """What the engines count of the prefix cache while questions are asked."""

    def __init__(self, session: aiohttp.ClientSession, given: dict[str, Any]) -> None:
        self._session, self._given = session, given

    async def begin(self) -> None:
        """What they had counted before anything was asked."""
        self._before = await self._count()

    async def say(self, name: str, prompts: list[str], say: Callable[..., None]) -> None:
        """Ask one after the other, and say what the last one found, and what had been found before all."""
        await self._ask(prompts[0])
        before = await self._count()
        tokens = await self._ask(prompts[1])
        end = asyncio.get_running_loop().time() + _COUNTED_S
        while True:
            after = await self._count()
            queries = after.get(QUERIES, 0.0) - before.get(QUERIES, 0.0)
            if queries >= (tokens or 1) or asyncio.get_running_loop().time() > end:
                break
            await asyncio.sleep(0.1)
        hits = after.get(HITS, 0.0) - before.get(HITS, 0.0)
        own = after.get(HITS, 0.0) - self._before.get(HITS, 0.0)
        told = {"prompt_tokens": tokens, "queries": queries, "hits": hits}
        say(
            kind="prefix",
            name=name,
            block_size=await self._block(),
            before=self._before.get(HITS, 0.0),
            own=own,
            **told,
        )

    async def _ask(self, prompt: str) -> int | None:
        body = {"model": self._given["model"], "prompt": prompt, "max_tokens": 1, "temperature": 0}
        url = f"{next(iter(self._given['pods'].values()))}/v1/completions"  # each engine has a cache of its own
        usage = as_object((await exchange(self._session, "POST", url, body, _TIMEOUT_S))["body"]).get("usage")
        tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else None
        return tokens if type(tokens) is int else None

    async def _count(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for url in self._given["pods"].values():
            for name, value in (await counters(self._session, url, (QUERIES, HITS))).items():
                found[name] = found.get(name, 0.0) + value
        return found

    async def _block(self) -> int | None:
        for url in self._given["pods"].values():
            said = await exchange(self._session, "GET", f"{url}/metrics")
            if match := _BLOCK.search(said["body"]):
                return int(match[1])
        return None
