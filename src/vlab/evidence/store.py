"""Evidence as a folder: written whole or not at all, read part by part, refused if it is not known."""

import hashlib
import json
import os
import re
import shutil
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pydantic

from vlab.errors import LabError
from vlab.evidence import seal
from vlab.evidence.models import (
    PARTS,
    Answer,
    Baseline,
    CannotTell,
    Collected,
    Header,
    MetricSample,
    Object,
    Objects,
    Part,
    Probe,
    Request,
    Stream,
)
from vlab.evidence.redact import redacted, redacted_text

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HEADER = "evidence.json"
LOG_CHARS = 1_000_000
"""Of each log at most this much is kept: its end, where engines say why they died."""

_MARGIN = 64 * 1024
"""Redacted besides what is kept, so that a secret which the cut would split is still seen whole."""
_PIECE = 1 << 20
_LOG_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*--[A-Za-z0-9.-]+\.log")
_ANSWER_NAME = re.compile(r"[^./\x00-\x1f][^/\x00-\x1f]*\.md")

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
    collector: the others are kept.

    Args:
        folder: replaced if it is there.
        header: how each collector ended, and all that is known besides.
        parts: by their names in PARTS: models or what JSON can hold; of *.jsonl any iterable of them.
        logs: by file name: POD--CONTAINER.log, POD--CONTAINER--previous.log.
        answers: by file name: what the learner wrote.
        key: of this machine; see seal.own_key.
    """
    partial = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        failed = {
            **_write_parts(partial, parts),
            **_write_texts(partial / "logs", logs or {}, _LOG_NAME),
            **_write_texts(partial / "answers", answers or {}, _ANSWER_NAME),
        }
        header = header.model_copy(update={"collectors": {**header.collectors, **failed}})
        shown = redacted(header.model_dump(mode="json"))
        (partial / HEADER).write_text(json.dumps(shown, indent=1) + "\n")
        seal.close(partial, key)
        _replace(folder, partial)
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
            failed[part.collector] = Collected(ok=False, reason=f"{part.file} came out wrong: {_words(e)}")
    return failed


def _write_part(file: Path, part: Part, content: Any) -> None:
    with file.open("wb") as sink:
        for value in content if part.lines else (content,):
            clean = _adapter(part).validate_python(redacted(_plain(value)))
            sink.write(_adapter(part).dump_json(clean, indent=None if part.lines else 1, exclude_defaults=part.lines))
            sink.write(b"\n")


def _plain(value: Any) -> Any:
    if isinstance(value, pydantic.BaseModel):
        return value.model_dump(mode="json")
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


def _write_texts(folder: Path, texts: Mapping[str, Text], allowed: re.Pattern[str]) -> dict[str, Collected]:
    """Returns: the collector, which is called as the folder, if a text could not be written."""
    try:
        for name, text in texts.items():
            if not allowed.fullmatch(name):
                raise ValueError(f"{name!r} cannot be a file of {folder.name}/")
            folder.mkdir(exist_ok=True)
            (folder / name).write_text(_end_of(text), errors="replace")
    except Exception as e:  # pieces may come from a collector that is still reading
        shutil.rmtree(folder, ignore_errors=True)
        return {folder.name: Collected(ok=False, reason=f"a text came out wrong: {_words(e)}")}
    return {}


def _end_of(text: Text) -> str:
    """The last LOG_CHARS of a text without secrets, and how much is left out; memory does not grow with the text."""
    kept: deque[str] = deque()
    total = held = 0
    for piece in _pieces(text):
        kept.append(piece)
        total, held = total + len(piece), held + len(piece)
        while held - len(kept[0]) >= LOG_CHARS + _MARGIN:
            held -= len(kept.popleft())
    end = "".join(kept)[-(LOG_CHARS + _MARGIN) :]
    clean = redacted_text(end)
    if total <= LOG_CHARS:
        return clean
    return f"[the first {total - LOG_CHARS} characters are left out]\n{clean[-LOG_CHARS:]}"


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


class Evidence:
    """One evidence folder. Each part is read when it is first asked for.

    Raises (every part):
        CannotTell: its collector failed or did not run.
        LabError: its file is not of this version, or was changed by hand.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.header = _header(folder)

    @property
    def digest(self) -> str:
        """sha256 of the MANIFEST, which names this evidence; empty if there is none."""
        manifest = self.folder / seal.MANIFEST
        return hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest.is_file() else ""

    @cached_property
    def _objects(self) -> Objects:
        return cast(Objects, self._whole("objects"))

    @property
    def objects(self) -> list[Object]:
        """Every object of the namespace, and the nodes."""
        return self._objects.now

    @property
    def baseline(self) -> list[Object]:
        """The same when the exercise had been started."""
        return self._objects.start

    @cached_property
    def healthy(self) -> Baseline:
        """What the healthy deployment reached on the same cluster."""
        return cast(Baseline, self._whole("healthy"))

    @cached_property
    def events(self) -> list[Object]:
        """The namespace's events."""
        return cast(list[Object], self._whole("events"))

    @cached_property
    def probes(self) -> dict[str, list[Probe]]:
        """Commands run in containers, by the probe's name."""
        found: dict[str, list[Probe]] = {}
        for probe in self._whole("probes"):
            found.setdefault(probe.name, []).append(probe)
        return found

    @cached_property
    def metrics(self) -> tuple[MetricSample, ...]:
        """The engines' metrics, in the order of their time."""
        return tuple(sorted(self._lines("metrics"), key=lambda sample: sample.t))

    @cached_property
    def requests(self) -> tuple[Request, ...]:
        """The requests of the load, in the order in which they were due."""
        return tuple(sorted(self._lines("requests"), key=lambda request: request.intended))

    @cached_property
    def stream(self) -> Stream:
        """One answer as it arrived directly and through the edge."""
        return cast(Stream, self._whole("stream"))

    @cached_property
    def api(self) -> dict[str, Answer]:
        """What the endpoint answered, by what was tried."""
        return {answer.name: answer for answer in self._whole("api")}

    @cached_property
    def logs(self) -> dict[str, str]:
        """The containers' logs by file name: POD--CONTAINER.log, POD--CONTAINER--previous.log."""
        return self._texts("logs")

    @cached_property
    def answers(self) -> dict[str, str]:
        """What the learner wrote, by file name."""
        return self._texts("answers")

    def _whole(self, name: str) -> Any:
        raw = self._file(name).read_bytes()
        try:
            return _adapter(PARTS[name]).validate_json(raw)
        except pydantic.ValidationError as e:
            raise _unknown(self.folder / PARTS[name].file, e) from e

    def _lines(self, name: str) -> Iterator[Any]:
        with self._file(name).open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield _adapter(PARTS[name]).validate_json(line)
                except pydantic.ValidationError as e:
                    raise _unknown(self.folder / PARTS[name].file, e, f"line {number}: ") from e

    def _file(self, name: str) -> Path:
        self._recorded(PARTS[name].collector, name)
        file = self.folder / PARTS[name].file
        if not file.is_file():
            raise CannotTell(f"{name}: nothing was recorded")
        return file

    def _texts(self, name: str) -> dict[str, str]:
        self._recorded(name, name)
        folder = self.folder / name
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        return {file.name: file.read_text(errors="replace") for file in files}

    def _recorded(self, collector: str, name: str) -> None:
        status = self.header.collectors.get(collector)
        if status is None:
            raise CannotTell(f"{name}: nothing was recorded")
        if not status.ok:
            raise CannotTell(f"{name} could not be recorded: {status.reason or 'no reason was given'}")


def load(folder: Path) -> Evidence:
    """Evidence of which every part has been read: what is returned holds nothing that this vlab does not know.

    Raises:
        LabError: it is no evidence, of another version, or has a file or a field that is not known.
    """
    evidence = Evidence(folder)
    if stray := sorted(str(name) for name in seal.files(folder) if not _is_known(name)):
        raise LabError(f"{folder} has a file that is no evidence: {stray[0]}", "remove it, or update vlab")
    for name, part in PARTS.items():
        status = evidence.header.collectors.get(part.collector)
        if status is not None and status.ok and (folder / part.file).exists():
            getattr(evidence, name)
    return evidence


def _is_known(name: Path) -> bool:
    if name.parent == Path():
        return name.name in {HEADER, seal.MANIFEST, seal.SIGNATURE, *(part.file for part in PARTS.values())}
    allowed = {"logs": _LOG_NAME, "answers": _ANSWER_NAME}.get(str(name.parent))
    return allowed is not None and allowed.fullmatch(name.name) is not None


@cache
def _adapter(part: Part) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(part.type)


def _header(folder: Path) -> Header:
    try:
        raw = json.loads((folder / HEADER).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise LabError(f"{folder} holds no evidence", "name a folder that `vlab grade` wrote") from None
    except ValueError as e:
        raise LabError(f"{folder / HEADER} is not JSON: {e}", "name a folder that `vlab grade` wrote") from e
    version = raw.get("schema_version") if isinstance(raw, dict) else None
    if version != 1:
        raise LabError(f"{folder} has evidence of version {version}; this vlab knows version 1", "update vlab")
    try:
        return Header.model_validate(raw)
    except pydantic.ValidationError as e:
        raise _unknown(folder / HEADER, e) from e


def _unknown(file: Path, error: pydantic.ValidationError, place: str = "") -> LabError:
    return LabError(f"{file}: {place}{_words(error)}", "update vlab, or record the evidence again")


def _words(error: Exception) -> str:
    """'collectors.api.ok: Field required'; of a field that is not known its name."""
    if not isinstance(error, pydantic.ValidationError):
        return f"{type(error).__name__}: {error}"
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    message = "is not known" if first["type"] == "extra_forbidden" else first["msg"]
    return f"{where}: {message}" if where else message
