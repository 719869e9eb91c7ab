"""What is asked of an API with a key and without, and how the witness's events become evidence."""

import asyncio
import json
import re

import pytest

from test_witness import said, server
from vlab import calling
from vlab.evidence import Beginning
from vlab.witness import calls

BLOCK = 16


class Api:
    """Answers as an engine with a key and a prefix cache does; only what the program looks at."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.queries = self.hits = 0

    def __call__(self, path, body):
        if path == "/metrics":
            page = f'vllm:cache_config_info{{mamba_block_size="7",block_size="{BLOCK}"}} 1.0\n'
            page += (
                f'vllm:prefix_cache_queries_total{{m="x"}} {self.queries}\nvllm:prefix_cache_hits_total {self.hits}\n'
            )
            return said(page.encode())
        if path in ("/health", "/v1/models"):
            return said({"data": []})
        if body["model"] != "m":
            return said({"error": {"type": "NotFoundError"}}, b"404 Not Found")
        if body.get("stream"):
            return said(b'data: {"a": 1}\n\ndata: {"a": 2}\n\ndata: [DONE]\n\n')
        if "messages" in body:
            return said({"choices": [{"message": {"content": "hello"}}]})
        words = body["prompt"].split()
        if len(words) > 1000:
            return said({"error": {"type": "BadRequestError"}}, b"400 Bad Request")
        shared = max((self._common(p.split(), words) for p in self.seen), default=0)
        self.queries += len(words)
        self.hits += min(shared, len(words) - 1) // BLOCK * BLOCK
        self.seen.append(body["prompt"])
        return said({"choices": [{"text": " it is"}], "usage": {"prompt_tokens": len(words)}})

    @staticmethod
    def _common(a, b):
        return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


@pytest.fixture
def events():
    async def run():
        found = []
        async with server(Api()) as url:
            given = {"services": [url], "pods": {"a": url}, "model": "m", "api_key": "k", "context": 1024}
            given |= {"prompts": ["The old kettle sings", "one two", "three four"], "long": "word " * 100}
            await calls.ask(given, lambda **event: found.append(event))
        return found

    return asyncio.run(run())


def test_each_kind_is_asked_once(events):
    statuses = {e["name"]: e["status"] for e in events if e["kind"] == "call"}
    assert statuses == {
        **dict.fromkeys(("models", "completion", "chat", "stream"), 200),
        "unknown model": 404,
        "too long": 400,
        **{f"{name} without key": 200 for name in ("models", "completion", "health", "metrics")},
    }


def test_events_become_evidence(events):
    found = calling.calls_of(events, own_before=0.0)
    assert (found.events, found.done, found.block_size, found.hits_before) == (3, True, BLOCK, 0.0)
    assert found.answers["chat"].text == "hello"
    assert found.answers["unknown model"].body == json.dumps({"error": {"type": "NotFoundError"}})
    assert found.long == Beginning(prompt_tokens=100, queries=100, hits=96)
    assert found.short == Beginning(prompt_tokens=6, queries=6, hits=0)


def test_what_earlier_gradings_found_is_nobodys_measurement(events):
    assert calling.calls_of(events, own_before=96.0).hits_before == -96.0


def test_a_block_size_is_not_mistaken_for_another():
    assert re.search(calls._BLOCK, 'vllm:cache_config_info{mamba_block_size="7"} 1.0') is None
