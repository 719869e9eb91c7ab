"""The model itself as a witness: how probable it finds an answer, token by token.

An engine that serves these weights at temperature 0 says what they find most probable, up to rounding. Something that
only speaks like it does not. The weights are loaded once, by the pod's own process, which others ask through a socket.
"""

import asyncio
import json
import os
import threading
from pathlib import Path
from typing import Any

SOCKET = "/tmp/vlab-reference.sock"  # noqa: S108 - in the pod, which is vlab's own
_LINE = 1 << 22
IMPOSSIBLE = 1000.0
"""Nats that no token of the model's own is ever away from the best."""


async def judge(weights: str, answers: list[list[list[int]]]) -> dict[str, Any]:
    """Of each answer (token ids of prompt and of answer) by how much each token is less probable than the best.

    Returns:
        `gaps`, in nats, a list for each answer; or `unavailable` and why.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(SOCKET, limit=_LINE)
        writer.write(json.dumps({"weights": weights, "answers": answers}).encode() + b"\n")
        await writer.drain()
        said: dict[str, Any] = json.loads(await reader.readline())
        writer.close()
    except (OSError, ValueError) as e:
        return {"unavailable": f"{type(e).__name__}: {e}", "gaps": []}
    return said


def serve() -> None:
    """The pod's own process: load the weights that the environment names, then answer until it is told to end."""
    Path(SOCKET).unlink(missing_ok=True)
    asyncio.run(_serve(os.environ.get("VLAB_WEIGHTS", "")))


async def _serve(weights: str) -> None:
    models: dict[str, Any] = {}
    lock = threading.Lock()
    loop = asyncio.get_running_loop()

    def answer(given: dict[str, Any]) -> dict[str, Any]:
        with lock:
            try:
                return {"gaps": _gaps(_model(models, given["weights"]), given["answers"]), "unavailable": ""}
            except Exception as e:
                return {"gaps": [], "unavailable": f"{type(e).__name__}: {e}"[:300]}

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = await loop.run_in_executor(None, answer, json.loads(await reader.readline()))
        writer.write(json.dumps(said).encode() + b"\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(connected, SOCKET, limit=_LINE)
    if weights:  # so that the first grading need not wait for it
        loop.run_in_executor(None, answer, {"weights": weights, "answers": []})
    async with server:
        await server.serve_forever()


def _model(models: dict[str, Any], weights: str) -> Any:
    if weights not in models:
        import torch  # type: ignore[import-not-found]
        from transformers import AutoModelForCausalLM  # type: ignore[import-not-found]

        if not Path(weights).is_dir():
            raise FileNotFoundError(f"there is no {weights} in this image")
        models[weights] = AutoModelForCausalLM.from_pretrained(weights, dtype=torch.bfloat16).eval()
    return models[weights]


def _gaps(model: Any, answers: list[list[list[int]]]) -> list[list[float]]:
    import torch

    found = []
    size = model.config.vocab_size
    for prompt, answer in answers:
        whole = [*prompt, *answer]
        if not all(0 <= token < size for token in whole):
            found.append([IMPOSSIBLE])  # a token that this model does not have
            continue
        with torch.inference_mode():
            logits = model(torch.tensor([whole])).logits[0].float().log_softmax(-1)
        places = range(len(prompt) - 1, len(whole) - 1)
        found.append([round(float(logits[i].max() - logits[i, whole[i + 1]]), 3) for i in places])
    return found
