"""Sends as many questions at once as the second argument says, and prints what they took."""

import asyncio
import sys
import time

import aiohttp

MODEL, COUNT = sys.argv[1], int(sys.argv[2])
TOPICS = [
    "taints",
    "quotas",
    "probes",
    "claims",
    "rollouts",
    "operators",
    "gateways",
    "autoscalers",
    "namespaces",
    "schedulers",
]


async def ask(session, topic):
    """Seconds that one question took."""
    began = time.perf_counter()
    body = {
        "model": MODEL,
        "prompt": f"An operator explains {topic} to a colleague:",
        "max_tokens": 80,
        "ignore_eos": True,
    }
    async with session.post("http://127.0.0.1:8000/v1/completions", json=body) as answer:
        answer.raise_for_status()
        await answer.json()
    return time.perf_counter() - began


async def main():
    """All at once."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        began = time.perf_counter()
        took = sorted(await asyncio.gather(*(ask(session, t) for t in TOPICS[:COUNT])))
        elapsed = time.perf_counter() - began
    objective = took[-1] + 1.0
    print(f"requests={len(took)}")
    print(f"elapsed_seconds={elapsed:.2f}")
    print(f"requests_per_second={len(took) / elapsed:.2f}")
    print(f"mean_latency_seconds={sum(took) / len(took):.2f}")
    print(f"p95_latency_seconds={took[int(len(took) * 0.95) - 1]:.2f}")
    print(f"objective_seconds={objective:.1f}")
    print(f"requests_within_the_objective={len(took)}")
    print(f"goodput_per_second={len(took) / elapsed:.2f}")


asyncio.run(main())
