"""Evidence as it is read: from a folder or a zip file, part by part, refused if it is not known."""

import hashlib
import json
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any, cast

import pydantic

from vlab.errors import LabError
from vlab.evidence import files, seal
from vlab.evidence.api import Asked, Calls
from vlab.evidence.models import (
    PARTS,
    CannotTell,
    Header,
    Loaded,
    Measured,
    MetricSample,
    Object,
    Objects,
    Part,
    Plugin,
    Probe,
    Request,
    Stream,
    Volume,
)


class Evidence:
    """The evidence in a folder, or in a zip file that `pack` made. All of it is read at once, so that what is judged
    is what the seal speaks of; each part is parsed when it is first asked for.

    Raises (every part):
        CannotTell: its collector failed or did not run.
        LabError: its file is not of this version, or was changed by hand.
    """

    def __init__(self, path: Path, contents: files.Contents | None = None) -> None:
        self.path = path
        self.contents = contents or files.read(path)
        self.seal = seal.state(self.contents)
        self.header = _header(path, self.contents)

    @property
    def digest(self) -> str:
        """sha256 of the MANIFEST for what was read, which names this evidence."""
        return hashlib.sha256(seal.manifest(self.contents.files).encode()).hexdigest()

    @cached_property
    def _objects(self) -> Objects:
        return cast(Objects, self._whole("objects"))

    @property
    def objects(self) -> list[Object]:
        """Every object of the namespace, and the nodes."""
        return self._objects.now

    @property
    def start(self) -> list[Object]:
        """The same as they were at the start."""
        return self._objects.start

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
    def loaded(self) -> Loaded:
        """What is known of the load that was measured for this grading."""
        return cast(Loaded, self._whole("loaded"))

    @cached_property
    def loaded_before(self) -> Loaded:
        """What is known of the load that was measured on the faulty deployment when the exercise began."""
        return cast(Loaded, self._whole("loaded_before"))

    @cached_property
    def metrics(self) -> tuple[MetricSample, ...]:
        """The engines' metrics during the load, in the order of their time."""
        return self._samples("metrics")

    @cached_property
    def metrics_before(self) -> tuple[MetricSample, ...]:
        """The same of the load when the exercise began."""
        return self._samples("metrics_before")

    @cached_property
    def requests(self) -> tuple[Request, ...]:
        """The requests of the load, in the order in which they were due."""
        return self._requests("requests")

    @cached_property
    def requests_before(self) -> tuple[Request, ...]:
        """The same of the load when the exercise began."""
        return self._requests("requests_before")

    @property
    def after(self) -> Measured:
        """The load of this grading as a whole."""
        return Measured(loaded=self.loaded, requests=self.requests, metrics=self.metrics)

    @property
    def before(self) -> Measured:
        """The load when the exercise began as a whole."""
        return Measured(loaded=self.loaded_before, requests=self.requests_before, metrics=self.metrics_before)

    def _samples(self, name: str) -> tuple[MetricSample, ...]:
        return tuple(sorted(self._lines(name), key=lambda sample: sample.t))

    def _requests(self, name: str) -> tuple[Request, ...]:
        return tuple(sorted(self._lines(name), key=lambda request: request.intended))

    @cached_property
    def stream(self) -> Stream:
        """One answer as it arrived directly and through the edge."""
        return cast(Stream, self._whole("stream"))

    @cached_property
    def stream_before(self) -> Stream:
        """The same on the faulty deployment when the exercise began."""
        return cast(Stream, self._whole("stream_before"))

    @cached_property
    def api(self) -> Asked:
        """What the endpoint said when it was asked."""
        return cast(Asked, self._whole("api"))

    @cached_property
    def volumes(self) -> tuple[Volume, ...]:
        """The volumes that the exercise's claims have or had."""
        return tuple(self._whole("volumes"))

    @cached_property
    def loads(self) -> tuple[Measured, ...]:
        """The loads that the learner had sent since the exercise began, the oldest first."""
        return tuple(self._lines("loads"))

    @cached_property
    def calls(self) -> Calls:
        """What the endpoint said to questions of every kind that clients may ask."""
        return cast(Calls, self._whole("calls"))

    @cached_property
    def plugins(self) -> tuple[Plugin, ...]:
        """What runs on the cluster so that its nodes offer GPUs."""
        return tuple(self._whole("plugins"))

    @cached_property
    def logs(self) -> dict[str, str]:
        """The containers' logs by file name: POD--CONTAINER.log, POD--CONTAINER--previous.log."""
        return self._texts("logs")

    @cached_property
    def answers(self) -> dict[str, str]:
        """What the learner wrote, by file name."""
        return self._texts("answers")

    def _whole(self, name: str) -> Any:
        try:
            return _adapter(PARTS[name]).validate_json(self._file(name))
        except pydantic.ValidationError as e:
            raise _unknown(self.path / PARTS[name].file, e) from e

    def _lines(self, name: str) -> Iterator[Any]:
        for number, line in enumerate(self._file(name).splitlines(), 1):
            try:
                yield _adapter(PARTS[name]).validate_json(line)
            except pydantic.ValidationError as e:
                raise _unknown(self.path / PARTS[name].file, e, f"line {number}: ") from e

    def _file(self, name: str) -> bytes:
        self._recorded(PARTS[name].collector, name)
        raw = self.contents.files.get(PARTS[name].file)
        if raw is None:
            raise CannotTell(f"{name}: nothing was recorded")
        return raw

    def _texts(self, name: str) -> dict[str, str]:
        self._recorded(name, name)
        inside = sorted((n, raw) for n, raw in self.contents.files.items() if n.startswith(f"{name}/"))
        return {n.removeprefix(f"{name}/"): raw.decode(errors="replace") for n, raw in inside}

    def _recorded(self, collector: str, name: str) -> None:
        status = self.header.collectors.get(collector)
        if status is None:
            raise CannotTell(f"{name}: nothing was recorded")
        if not status.ok:
            raise CannotTell(f"{name} could not be recorded: {status.reason or 'no reason was given'}")


def load(path: Path, contents: files.Contents | None = None) -> Evidence:
    """Evidence of which every part has been parsed: what is returned holds nothing that this vlab does not know.

    Args:
        contents: what was read already, of whatever lies at the path.

    Raises:
        LabError: it is no evidence, of another version, has a file or a field that is not known, or one that is no
            regular file or too large.
    """
    evidence = Evidence(path, contents)
    for stray in evidence.contents.stray:
        raise LabError(f"{path} has a file that is no evidence: {stray}", "remove it, or update vlab")
    for name, part in PARTS.items():
        status = evidence.header.collectors.get(part.collector)
        if status is not None and status.ok and part.file in evidence.contents.files:
            getattr(evidence, name)
    return evidence


@cache
def _adapter(part: Part) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(part.type)


def _header(path: Path, contents: files.Contents) -> Header:
    raw = contents.files.get(files.HEADER)
    if raw is None:
        raise files.no_evidence(path)
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError) as e:
        raise LabError(f"{path / files.HEADER} is not JSON: {e}", "name a folder that `vlab grade` wrote") from e
    version = header.get("schema_version") if isinstance(header, dict) else None
    if version != 2:
        raise LabError(f"{path} has evidence of version {version}; this vlab knows version 2", "record it again")
    try:
        return Header.model_validate(header)
    except pydantic.ValidationError as e:
        raise _unknown(path / files.HEADER, e) from e


def _unknown(file: Path, error: pydantic.ValidationError, place: str = "") -> LabError:
    return LabError(f"{file}: {place}{in_words(error)}", "update vlab, or record the evidence again")


def in_words(error: Exception) -> str:
    """'collectors.api.ok: Field required'; of a field that is not known its name."""
    if not isinstance(error, pydantic.ValidationError):
        return f"{type(error).__name__}: {error}"
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    message = "is not known" if first["type"] == "extra_forbidden" else first["msg"]
    return f"{where}: {message}" if where else message
