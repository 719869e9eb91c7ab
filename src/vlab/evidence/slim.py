"""Makes a recorded run small enough to be kept with its scenario, without anything that a grader reads."""

import json
from collections.abc import Mapping
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
    if not name.endswith(".json"):
        return raw
    content = json.loads(raw)
    if name == "objects.json":
        content = {part: [_of_node(o) if o["kind"] == "Node" else o for o in found] for part, found in content.items()}
    if name == "events.json":
        content = _of_what_is_there(content, json.loads(recorded.get("objects.json", b'{"now": []}'))["now"])
    return _line(content)


def _of_sample(line: bytes) -> bytes:
    sample = json.loads(line)
    kept = {k: v for k, v in sample["samples"].items() if k.partition("{")[0] in _METRICS}
    return _line({**sample, "samples": kept})


def _of_request(line: bytes) -> bytes:
    """Without the time of each token: its first and its end tell what is judged."""
    return _line({k: v for k, v in json.loads(line).items() if k != "chunks"})


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
