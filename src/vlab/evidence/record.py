"""Writes evidence into a folder: without secrets, whole or not at all, and one bad file costs only itself."""

import json
import os
import shutil
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydantic

from vlab.errors import Exit, LabError
from vlab.evidence import files, seal
from vlab.evidence.models import PARTS, Collected, Header, Part
from vlab.evidence.redact import redacted, redacted_text
from vlab.evidence.store import in_words

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LOG_CHARS = 1_000_000
"""Of each log at most this much is kept: its end, where engines say why they died."""

_MARGIN = 64 * 1024
"""Redacted besides what is kept, so that a secret which the cut would split is still seen whole."""
_PIECE = 1 << 20

Text = str | Path | Iterable[str]
"""A text, the file that holds it, or pieces of it as they come."""


def write(
    folder: Path,
    header: Header,
    parts: Mapping[str, Any],
    logs: Mapping[str, Text] | None = None,
    answers: Mapping[str, Text] | None = None,
    key: "Ed25519PrivateKey | None" = None,
) -> None:
    """Write evidence without secrets into the new `folder`, with a MANIFEST; signed if there is a key.

    A part that is not of its type, or ends with an exception while it is read, becomes the failure of its
    collector; a log or an answer that cannot be kept stands in the header's `refused`. All others are kept.

    Args:
        folder: replaced if it is there.
        header: how each collector ended, and all that is known besides.
        parts: by their names in PARTS: models or what JSON can hold; of *.jsonl any iterable of them.
        logs: by file name: POD--CONTAINER.log, POD--CONTAINER--previous.log.
        answers: by file name: what the learner wrote; see files.read_answers.
        key: of this machine; see seal.own_key.

    Raises:
        LabError: the folder cannot be written; what was there before stays.
    """
    partial = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        failed = _write_parts(partial, parts)
        refused = {
            **header.refused,
            **_write_texts(partial, "logs", logs or {}),
            **_write_texts(partial, "answers", answers or {}),
        }
        header = header.model_copy(update={"collectors": {**header.collectors, **failed}, "refused": refused})
        shown = redacted(header.model_dump(mode="json"))
        (partial / files.HEADER).write_text(json.dumps(shown, indent=1) + "\n")
        seal.close(partial, key)
        _replace(folder, partial)
    except OSError as e:
        words = f"cannot record evidence in {folder}: {e.strerror or e}"
        raise LabError(words, "`df -h` shows how much room there is; `vlab cache` what can go", Exit.MACHINE) from e
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_parts(folder: Path, parts: Mapping[str, Any]) -> dict[str, Collected]:
    """Returns: the collectors whose part could not be written."""
    failed = {}
    for name, content in parts.items():
        part = PARTS[name]
        try:
            _write_part(folder / part.file, part, content)
        except Exception as e:  # rows may come from a collector that is still reading
            (folder / part.file).unlink(missing_ok=True)
            failed[part.collector] = Collected(ok=False, reason=f"{part.file} came out wrong: {in_words(e)}")
    return failed


def _write_part(file: Path, part: Part, content: Any) -> None:
    adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(part.type)
    with file.open("wb") as sink:
        for value in content if part.lines else (content,):
            clean = adapter.validate_python(redacted(_plain(value)))
            sink.write(adapter.dump_json(clean, indent=None if part.lines else 1, exclude_defaults=part.lines))
            sink.write(b"\n")
            if sink.tell() > part.limit:
                raise ValueError(f"it is larger than {part.limit >> 20} MiB")


def _plain(value: Any) -> Any:
    if isinstance(value, pydantic.BaseModel):
        return value.model_dump(mode="json")
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


def _write_texts(partial: Path, folder: str, texts: Mapping[str, Text]) -> dict[str, str]:
    """Returns: what could not be written, by its file, and why."""
    refused = {}
    for number, (name, text) in enumerate(texts.items()):
        file = f"{folder}/{name}"
        try:
            if number >= files.MAX_TEXTS:
                raise ValueError(f"is one of more than {files.MAX_TEXTS}")
            most = files.limit(file)
            if most is None:
                raise ValueError(f"cannot be a file of {folder}/")
            raw = _end_of(text, most)
            (partial / folder).mkdir(exist_ok=True)
            (partial / file).write_bytes(raw)
        except Exception as e:  # pieces may come from a collector that is still reading
            refused[files.shown(file)] = str(e) if isinstance(e, ValueError) else in_words(e)
    return refused


def _end_of(text: Text, most: int) -> bytes:
    """The last LOG_CHARS of a text without secrets, and how much is left out; memory does not grow with the text."""
    kept: deque[str] = deque()
    total = held = 0
    for piece in _pieces(text):
        kept.append(piece)
        total, held = total + len(piece), held + len(piece)
        while held - len(kept[0]) >= LOG_CHARS + _MARGIN:
            held -= len(kept.popleft())
    clean = redacted_text("".join(kept)[-(LOG_CHARS + _MARGIN) :])
    if total > LOG_CHARS:
        clean = f"[the first {total - LOG_CHARS} characters are left out]\n{clean[-LOG_CHARS:]}"
    raw = clean.encode(errors="replace")
    if len(raw) <= most:
        return raw
    note = b"[the beginning is left out]\n"  # few characters, but of many bytes each
    return note + raw[len(note) - most :].decode(errors="ignore").encode()


def _pieces(text: Text) -> Iterator[str]:
    if isinstance(text, Path):
        with text.open(errors="replace") as file:
            while piece := file.read(_PIECE):
                yield piece
    elif isinstance(text, str):
        yield text
    else:
        yield from text


def _replace(folder: Path, partial: Path) -> None:
    """Put the finished folder in place; one that was there is gone only when the new one stands."""
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    if folder.exists():
        folder.rename(old)
    partial.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
