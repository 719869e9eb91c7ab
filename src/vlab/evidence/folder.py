"""Evidence as a folder: written whole or not at all, read part by part, refused if it is not known."""

import json
import os
import shutil
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pydantic

from vlab.errors import LabError
from vlab.evidence.models import Answer, CannotTell, Header, Probe
from vlab.evidence.redact import redacted, redacted_text

Object = dict[str, Any]
_M = TypeVar("_M", bound=pydantic.BaseModel)

HEADER = "evidence.json"
LOG_BYTES = 1_000_000
"""Of each log at most this much is kept: its end, where engines say why they died."""

_FILES = {"objects": "objects.json", "events": "events.json", "probes": "probes.json", "api": "api.json"}


def write(folder: Path, header: Header, parts: Mapping[str, Any], logs: Mapping[str, str]) -> None:
    """Write evidence without secrets into the new `folder`.

    Args:
        parts: by collector: what JSON can hold.
        logs: by file name.
    """
    partial = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "logs").mkdir(parents=True)
    for name, content in parts.items():
        (partial / _FILES[name]).write_text(json.dumps(redacted(content), indent=1, default=str))
    for name, text in logs.items():
        (partial / "logs" / name).write_text(redacted_text(_end_of(text)))
    (partial / HEADER).write_text(header.model_dump_json(indent=1))
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def _end_of(text: str) -> str:
    if len(text) <= LOG_BYTES:
        return text
    return f"[the first {len(text) - LOG_BYTES} characters are left out]\n{text[-LOG_BYTES:]}"


class Evidence:
    """One evidence folder. Each part is read when it is first asked for.

    Raises (every part):
        CannotTell: its collector failed or did not run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.header = _header(folder)

    def _part(self, collector: str) -> Any:
        status = self.header.collectors.get(collector)
        if status is None:
            raise CannotTell(f"{collector} were not recorded")
        if not status.ok:
            raise CannotTell(f"{collector} could not be recorded: {status.reason}")
        return json.loads((self.folder / _FILES[collector]).read_bytes())

    @cached_property
    def objects(self) -> list[Object]:
        """Every object of the namespace, and the nodes."""
        return list(self._part("objects")["now"])

    @cached_property
    def baseline(self) -> list[Object]:
        """The same when the exercise had been started."""
        return list(self._part("objects")["start"])

    @cached_property
    def events(self) -> list[Object]:
        """The namespace's events."""
        return list(self._part("events"))

    @cached_property
    def probes(self) -> dict[str, list[Probe]]:
        """Commands run in containers, by the probe's name."""
        found: dict[str, list[Probe]] = {}
        for probe in _read(Probe, self._part("probes"), self.folder):
            found.setdefault(probe.name, []).append(probe)
        return found

    @cached_property
    def api(self) -> dict[str, Answer]:
        """What the endpoint answered, by what was tried."""
        return {a.name: a for a in _read(Answer, self._part("api"), self.folder)}

    @cached_property
    def logs(self) -> dict[str, str]:
        """The containers' logs by file name: POD--CONTAINER.log, POD--CONTAINER--previous.log."""
        status = self.header.collectors.get("logs")
        if status is None or not status.ok:
            raise CannotTell("logs could not be recorded" + (f": {status.reason}" if status else ""))
        return {f.name: f.read_text() for f in sorted((self.folder / "logs").iterdir())}


def _read(model: type[_M], rows: list[Any], folder: Path) -> list[_M]:
    try:
        return [model.model_validate(row) for row in rows]
    except pydantic.ValidationError as e:
        raise _unknown(folder, e) from e


def _header(folder: Path) -> Header:
    try:
        raw = json.loads((folder / HEADER).read_bytes())
    except FileNotFoundError:
        raise LabError(f"{folder} holds no evidence", "name a folder that `vlab grade` wrote") from None
    except ValueError as e:
        raise LabError(f"{folder / HEADER} is not JSON: {e}", "name a folder that `vlab grade` wrote") from e
    version = raw.get("schema_version") if isinstance(raw, dict) else None
    if version != 1:
        raise LabError(f"{folder} has evidence of version {version}; this vlab knows version 1", "update vlab")
    try:
        return Header.model_validate(raw)
    except pydantic.ValidationError as e:
        raise _unknown(folder, e) from e


def _unknown(folder: Path, error: pydantic.ValidationError) -> LabError:
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return LabError(f"{folder}: {where}: {first['msg']}", "update vlab, or record the evidence again")
