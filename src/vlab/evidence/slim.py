"""Makes a recorded run small enough to be kept with its scenario, without anything that a grader reads."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from vlab.evidence import files, metrics, seal

LOG_LINES = 60
"""The end of each log, where engines say why they died."""
EVENTS = 40
"""The latest."""
_METRICS = tuple(
    alias
    for name in (metrics.RUNNING, metrics.WAITING, metrics.CACHE, metrics.PREEMPTIONS, metrics.GENERATION_TOKENS)
    for alias in metrics.aliases(name)
)
"""What graders and reports read of an engine's samples."""
_OF_NODES = ("capacity", "allocatable", "conditions")
"""What is kept of a node's status: the rest says of what make the machine is."""


def pack(recorded: Path, file: Path) -> None:
    """Put evidence, a folder or a zip file, into a zip file: slim, and unsigned, as it is not what was signed.

    Raises:
        Refused: it is not what evidence is read from.
    """
    files.write_zip(slim(files.read(recorded).files), file)


_OF_LATENCY = tuple(metrics.LATENCY + ending for ending in ("_bucket", "_count", "_sum"))
_COUNTED = tuple(a for n in (metrics.SUCCESS, metrics.PROMPT_TOKENS, *_OF_LATENCY) for a in metrics.aliases(n))
"""And of the first and the last sample of a load that a learner sent."""


def slim(recorded: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a recorded run: JSON without blanks, the end of each log, late events of what is there."""
    kept = {name: _slim(name, raw, recorded) for name, raw in recorded.items() if name != files.SIGNATURE}
    return {**kept, files.MANIFEST: seal.manifest(kept).encode()}


def _slim(name: str, raw: bytes, recorded: Mapping[str, bytes]) -> bytes:
    if name.startswith("logs/"):
        return b"".join(raw.splitlines(keepends=True)[-LOG_LINES:])
    if name.endswith("metrics.jsonl"):
        return b"".join(map(_of_sample, raw.splitlines()))
    if name.endswith("requests.jsonl"):
        return b"".join(map(_of_request, raw.splitlines()))
    if name == "loads.jsonl":
        return b"".join(map(_of_load, raw.splitlines()))
    if not name.endswith(".json"):
        return raw
    content = json.loads(raw)
    if name == "objects.json":
        content = {part: [_of_node(o) if o["kind"] == "Node" else o for o in found] for part, found in content.items()}
    if name == "events.json":
        content = _of_what_is_there(content, json.loads(recorded.get("objects.json", b'{"now": []}'))["now"])
    return _line(content)


def _of_sample(line: bytes) -> bytes:
    return _line(_named(json.loads(line), _METRICS))


def _named(sample: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {**sample, "samples": {k: v for k, v in sample["samples"].items() if k.partition("{")[0] in names}}


def _of_request(line: bytes) -> bytes:
    return _line(_without_tokens(json.loads(line)))


def _without_tokens(request: dict[str, Any]) -> dict[str, Any]:
    """Without the time of each token: its first and its end tell what is judged."""
    return {k: v for k, v in request.items() if k != "chunks"}


def _of_load(line: bytes) -> bytes:
    """Of each engine the first and the last sample have what it counted, those between what goes up and down."""
    load = json.loads(line)
    samples = load["metrics"]
    pods = [s["pod"] for s in samples]
    ends = {each for pod in pods for each in (pods.index(pod), len(pods) - 1 - pods[::-1].index(pod))}
    kept = [_named(s, (*_METRICS, *_COUNTED) if n in ends else _METRICS) for n, s in enumerate(samples)]
    return _line({**load, "metrics": kept, "requests": [_without_tokens(r) for r in load["requests"]]})


def _line(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _of_what_is_there(events: list[Any], objects: list[Any]) -> list[Any]:
    """A namespace lives through many phases; the events of earlier ones say nothing about this one."""
    uids = {o["metadata"].get("uid") for o in objects}
    found = [e for e in events if e.get("involvedObject", {}).get("uid") in uids]
    return [_of_event(e) for e in sorted(found, key=_when)[-EVENTS:]]


def _when(event: dict[str, Any]) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def _of_event(event: dict[str, Any]) -> dict[str, Any]:
    metadata = {k: v for k, v in event["metadata"].items() if k not in ("uid", "resourceVersion")}
    return {**{k: v for k, v in event.items() if not k.startswith("reporting")}, "metadata": metadata}


def _of_node(node: dict[str, Any]) -> dict[str, Any]:
    return {**node, "status": {k: v for k, v in node.get("status", {}).items() if k in _OF_NODES}}
