"""The loads that a learner sends: each is kept with the run, those of other programs by what the engines counted."""

import time
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Thread
from types import TracebackType

import pydantic

from vlab import asking, runs
from vlab.cluster import witness
from vlab.cluster.kube import kube
from vlab.cluster.lab import Lab
from vlab.deployment import kept as rendered
from vlab.errors import Exit, LabError
from vlab.evidence import Loaded, Measured, MetricSample, Object
from vlab.evidence.metrics import (
    GENERATION_TOKENS,
    LATENCY,
    PREEMPTIONS,
    PROMPT_TOKENS,
    RUNNING,
    SUCCESS,
    WAITING,
    Metrics,
)
from vlab.load.summary import known
from vlab.runs import Run

MOST = 8
"""Of a run's loads so many are evidence, the newest."""
_READ_S, _PAUSE_S, _DRAIN_S = 15.0, 2.0, 10.0


def folder(run: Run) -> Path:
    """Where a run's loads are."""
    return run.folder / "loads"


def keep(run: Run, measured: Measured) -> Path:
    """Keep a load with a run. Returns: its file."""
    file = folder(run) / f"{measured.loaded.started:.3f}.json"
    runs.write_whole(file, measured.model_dump_json(exclude_defaults=True))
    return file


def kept(run: Run) -> list[Measured]:
    """The newest loads since the run began, the oldest of them first; a file that is none is left out."""
    found = []
    for file in folder(run).glob("*.json"):
        try:
            found.append(Measured.model_validate_json(file.read_text()))
        except (OSError, UnicodeDecodeError, pydantic.ValidationError):
            continue
    own = [m for m in found if m.loaded.started >= run.started.timestamp()]
    return sorted(own, key=lambda m: m.loaded.started)[-MOST:]


class Recording:
    """Within a `with` block reads the engines' metrics every other second, and keeps them with the run at its end."""

    measured: Measured

    def __init__(self, lab: Lab, run: Run) -> None:
        self._run = run
        cluster = kube(lab)
        self._serving = asking.look(cluster, run.namespace)
        if not self._serving.pods:
            raise LabError("no engine is ready", "`vlab kubectl get pods` says why", Exit.NO_LAB)
        found = witness.ensure(cluster, lab, rendered(run).values)
        if found is None:
            raise LabError("no witness pod may be made on this cluster", "send a packaged load with --url", Exit.NO_LAB)
        self._witness = found
        self._samples: list[MetricSample] = []
        self._over = Event()
        self._thread = Thread(target=self._go_on, name="metrics", daemon=True)

    def __enter__(self) -> "Recording":
        """Raises: LabError if the metrics cannot be read."""
        self._started = time.time()
        self._read()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Wait until the engines are idle again: then all is counted."""
        self._over.set()
        self._thread.join()
        if kind is not None:
            return
        end = time.monotonic() + _DRAIN_S
        while self._busy(self._read()) and time.monotonic() < end:
            continue  # a read takes as long as a pause would
        loaded = Loaded(started=self._started, workload="", nonce="", via="own", engines=tuple(self._serving.urls))
        self.measured = Measured(loaded=loaded, requests=(), metrics=tuple(self._samples))
        keep(self._run, self.measured)

    def _go_on(self) -> None:
        while not self._over.wait(_PAUSE_S):
            try:
                self._read()
            except LabError:  # the last one decides
                continue

    def _read(self) -> list[MetricSample]:
        events: list[Object] = self._witness.ask("metrics", {"engines": self._serving.urls}, _READ_S)
        found = [MetricSample(**{k: v for k, v in e.items() if k != "kind"}) for e in events if e["kind"] == "sample"]
        self._samples += found
        return found

    @staticmethod
    def _busy(found: Sequence[MetricSample]) -> bool:
        metrics = Metrics(found)
        return any(known(lambda name=name: metrics.max(name)) for name in (RUNNING, WAITING))  # type: ignore[misc]


def counted(measured: Measured) -> dict[str, float]:
    """What the engines counted during a load, by names that a note may use; what they do not say is left out."""
    metrics = Metrics(measured.metrics)
    figures = {
        "requests": known(lambda: metrics.increase(SUCCESS)),
        "mean_latency_seconds": known(lambda: metrics.average(LATENCY)),
        "prompt_tokens": known(lambda: metrics.increase(PROMPT_TOKENS)),
        "output_tokens": known(lambda: metrics.increase(GENERATION_TOKENS)),
        "running_max": known(lambda: metrics.max(RUNNING)),
        "waiting_max": known(lambda: metrics.max(WAITING)),
        "preemptions": known(lambda: metrics.increase(PREEMPTIONS)),
    }
    return {name: round(value, 3) for name, value in figures.items() if value is not None}
