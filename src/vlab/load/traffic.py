"""Which requests a workload sends and when: pure functions of the workload, the run's nonce and an index."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from itertools import count
from typing import Any

from vlab.load.workload import Fixed, Length, OpenLoop, TrafficClass, Uniform, Workload

# Short common words are one token each with usual tokenizers, which makes words a good measure of tokens.
VOCABULARY = (files("vlab.load") / "vocabulary.txt").read_text().split()


@dataclass(frozen=True)
class Order:
    """One request before it is sent."""

    class_name: str
    index: int
    """0, 1, ... within its class."""
    path: str
    """Of the API, such as /v1/completions."""
    stream: bool
    max_tokens: int
    content: dict[str, Any]
    """The JSON body but for the model's name."""


def build(workload: Workload, traffic: TrafficClass, index: int, nonce: str) -> Order:
    """Request number `index` of a class. Only its words depend on the nonce: lengths never do."""
    lengths = _rng(workload, "lengths", traffic.name, index)
    words = draw(traffic.prompt.words, lengths) if traffic.prompt.words is not None else 0
    max_tokens = draw(traffic.output_tokens, lengths)
    prefix = _prefix(workload, traffic, lengths, nonce)
    text = _text(workload, traffic, index, words, nonce)
    content: dict[str, Any] = {
        "max_tokens": max_tokens,
        "temperature": traffic.temperature,
        "ignore_eos": traffic.ignore_eos,
        "stream": traffic.stream,
    }
    if traffic.priority:
        content["priority"] = traffic.priority
    if traffic.stream:
        content["stream_options"] = {"include_usage": True}
    if traffic.api == "chat":
        system = [{"role": "system", "content": prefix}] if prefix else []
        content["messages"] = [*system, {"role": "user", "content": text}]
        path = "/v1/chat/completions"
    else:
        content["prompt"] = f"{prefix}\n{text}" if prefix else text
        path = "/v1/completions"
    return Order(traffic.name, index, path, traffic.stream, max_tokens, content)


def draw(length: Length, rng: random.Random) -> int:
    """One length from its distribution."""
    if isinstance(length, Fixed):
        return length.value
    if isinstance(length, Uniform):
        return rng.randint(length.low, length.high)
    return min(length.max, max(1, round(rng.lognormvariate(math.log(length.median), length.sigma))))


def arrivals(workload: Workload, traffic: TrafficClass) -> Iterator[float]:
    """Seconds since the run's start of each request of an open-loop class: endless and rising."""
    if not isinstance(traffic.arrival, OpenLoop):
        raise TypeError(f"class {traffic.name} is a closed loop: its users decide when a request comes")
    rng = _rng(workload, "arrivals", traffic.name)
    now = 0.0
    for _ in count():
        now += rng.expovariate(traffic.arrival.rate)
        yield now


def _prefix(workload: Workload, traffic: TrafficClass, lengths: random.Random, nonce: str) -> str:
    shared = traffic.prompt.shared_prefix
    if shared is None or lengths.random() >= shared.share:
        return ""
    return _sentence(_rng(workload, "prefix", traffic.name, nonce), shared.words)


def _text(workload: Workload, traffic: TrafficClass, index: int, words: int, nonce: str) -> str:
    rng = _rng(workload, "words", traffic.name, index, nonce)
    if traffic.prompt.texts is None:
        return _sentence(rng, words)
    text = traffic.prompt.texts[index % len(traffic.prompt.texts)]
    # A number of its own in front makes a literal text new to the prefix cache.
    return f"Question {rng.getrandbits(32)}: {text}" if workload.prompts == "fresh" else text


def _sentence(rng: random.Random, words: int) -> str:
    return " ".join(rng.choices(VOCABULARY, k=words))


def _rng(workload: Workload, *parts: object) -> random.Random:
    """A stream of random numbers for one purpose, so that no purpose shifts another's numbers."""
    return random.Random(":".join(map(str, (workload.seed, *parts))))  # noqa: S311 - load, not cryptography
