"""Puts one question to the endpoint and passes the answer on as it comes."""

import json
from collections.abc import Callable
from typing import Any

import aiohttp

from vlab.witness.http import LIMIT, as_object, bearer, exchange


async def ask(given: dict[str, Any], say: Callable[..., None]) -> None:
    """Says `model`, then `text` for each piece of the answer; `refused` with status and body where there is none.

    Args:
        given: service, model (empty: the first one served), question, max_tokens, api_key (or null).
    """
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
    async with aiohttp.ClientSession(timeout=timeout, headers=bearer(given["api_key"])) as session:
        model = given["model"]
        if not model:
            listed = await exchange(session, "GET", f"{given['service']}/v1/models")
            data = as_object(listed["body"]).get("data") or [{}]
            model = str(data[0].get("id") or "") if isinstance(data[0], dict) else ""
            if not model:
                say(kind="refused", **listed)
                return
        say(kind="model", name=model)
        body = {
            "model": model,
            "max_tokens": given["max_tokens"],
            "temperature": 0.2,
            "stream": True,
            "messages": [{"role": "user", "content": given["question"]}],
        }
        try:
            async with session.post(f"{given['service']}/v1/chat/completions", json=body) as answer:
                if answer.status != 200:
                    text = (await answer.content.read(LIMIT)).decode(errors="replace")
                    say(kind="refused", status=answer.status, body=text, error="", detail="")
                    return
                async for line in answer.content:
                    _pass_on(line.decode(errors="replace").strip(), say)
        except (aiohttp.ClientError, ValueError) as e:
            say(kind="refused", status=None, body="", error="cut", detail=f"{type(e).__name__}: {e}"[:300])


def _pass_on(line: str, say: Callable[..., None]) -> None:
    if not line.startswith("data:") or line.endswith("[DONE]"):
        return
    event = as_object(line.removeprefix("data:"))
    if "error" in event:
        say(kind="refused", status=200, body=json.dumps(event), error="", detail="")
    for choice in event.get("choices") or ():
        if text := (choice.get("delta") or {}).get("content"):
            say(kind="text", text=text)
