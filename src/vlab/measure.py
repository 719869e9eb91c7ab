"""Measures an exercise's endpoint under its users' load, and its stream past the edge and through it."""

import asyncio
import hashlib
import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pydantic

from vlab import asking, paths, render, runs
from vlab.catalog import Exercise, Parameters
from vlab.cluster import witness
from vlab.cluster.forward import forward
from vlab.cluster.kube import Kube
from vlab.cluster.lab import Lab
from vlab.deployment import kept
from vlab.errors import Exit, LabError
from vlab.evidence import Loaded, Measured, Stream, StreamPath
from vlab.load.result import LoadResult
from vlab.load.workload import Workload, canonical, checked
from vlab.runs import Run
from vlab.serving import Serving, address, serving

Note = Callable[[str], None]

STREAM_TOKENS = 64
"""Of the answer that is streamed: some seconds, so that lumps are told from a slow network."""
STREAM_TRIES = 3
ON_TIME = 0.9
"""Reads an event of what flows, on a machine which is not too busy."""
GATHERED = 0.3
"""Reads an event of what is gathered on its way, at most: on a busy machine what flows comes near it, not below."""
_STREAM_S = 90.0
_AROUND_S = 30.0
"""Beside the load's own limit: to start, until the engine has drained, and for what came to be sent."""


class Before(pydantic.BaseModel, frozen=True):
    """What was measured on a faulty deployment."""

    load: Measured | None = None
    stream: Stream | None = None

    def parts(self, suffix: str = "") -> dict[str, Any]:
        """The parts of evidence that hold it; those of a start end in `_before`."""
        found: dict[str, Any] = {} if self.stream is None else {"stream": self.stream}
        if self.load is not None:
            found |= {"loaded": self.load.loaded, "requests": self.load.requests, "metrics": self.load.metrics}
        return {f"{name}{suffix}": part for name, part in found.items()}


def workload_of(scenario: Exercise, parameters: Parameters) -> Workload:
    """The traffic of a scenario's users.

    Raises:
        LabError: it has none, or its file makes no sense.
    """
    file = scenario.workload
    if file is None:
        raise LabError(f"{scenario.id} has no traffic", "name a workload under traffic in scenario.yaml")
    (found,) = render.objects(file, parameters)
    return checked(found, str(file))


def load(cluster: Kube, lab: Lab, run: Run, scenario: Exercise, note: Note) -> Measured:
    """Send the scenario's traffic, and read every ready pod's metrics meanwhile.

    Raises:
        LabError: nothing is ready, or the load could not be sent; what becomes of a request is no error.
    """
    before = _look(cluster, run, scenario)
    said, via = send(cluster, lab, run, scenario, before, note)
    return measured_of(said, via, before, asking.changed(before, serving_now(cluster, run, scenario)))


def measured_of(said: LoadResult, via: str, engines: Serving, unsteady: str = "") -> Measured:
    """A load that was sent, as it is kept and recorded.

    Args:
        unsteady: what changed behind the addresses meanwhile.
    """
    return Measured(
        loaded=Loaded(
            started=said.started,
            workload=hashlib.sha256(canonical(said.workload).encode()).hexdigest(),
            nonce=said.nonce,
            via=via,
            engines=tuple(engines.urls),
            not_sent=said.not_sent,
            metrics_errors=said.metrics_errors,
            unsteady=unsteady,
        ),
        requests=said.requests,
        metrics=said.metrics,
    )


def send(cluster: Kube, lab: Lab, run: Run, scenario: Exercise, serving: Serving, note: Note) -> tuple[LoadResult, str]:
    """The scenario's traffic, each class to its own address, and how it went: witness or forward."""
    values = kept(run).values
    wanted = workload_of(scenario, run.parameters)
    found = witness.ensure(cluster, lab, values, note=note)
    model = values["server"]["model"]
    if found is None:
        return _through_tunnels(cluster, run, scenario, wanted, model, note), "forward"
    own = {c.name: address(scenario.send.get(c.name, scenario.addresses[0]), run.namespace) for c in wanted.classes}
    where = {"service": address(scenario.addresses[0], run.namespace), "targets": own, "engines": serving.urls}
    given = {**where, "model": model, "api_key": None}
    return from_inside(found, wanted, given, lambda words: note(f"load: {words}")), "witness"


def serving_now(cluster: Kube, run: Run, scenario: Exercise) -> Serving:
    """What stands behind the scenario's addresses."""
    return asking.look(cluster, run.namespace, scenario.addresses)


def _look(cluster: Kube, run: Run, scenario: Exercise) -> Serving:
    found = serving_now(cluster, run, scenario)
    if not found.pods:
        raise LabError("nothing was ready that could be measured", "`vlab kubectl get pods` says why", Exit.NO_LAB)
    return found


def from_inside(found: witness.Witness, wanted: Workload, given: Mapping[str, Any], note: Note) -> LoadResult:
    """A workload, sent by the witness.

    Args:
        given: what its program `load` takes besides the workload.

    Raises:
        LabError: it could not be sent, or did not come to its end.
    """

    def heard(event: Mapping[str, Any]) -> None:
        if event["kind"] == "progress":
            note(f"{event['done']} done, {event['in_flight']} in flight, {event['errors']} errors")

    whole = {**given, "workload": wanted.model_dump(mode="json")}
    events = found.ask("load", whole, wanted.run_timeout_seconds + _AROUND_S, heard)
    wrong = next((e for e in events if e["kind"] == "wrong"), None)
    if wrong is not None:
        raise LabError(wrong["message"], wrong["hint"], Exit.NO_LAB)
    result = next((e for e in events if e["kind"] == "result"), None)
    if result is None:
        raise LabError("the load did not come to its end in time", "measure again", Exit.NO_LAB)
    return LoadResult.model_validate(result["result"])


def _through_tunnels(
    cluster: Kube, run: Run, scenario: Exercise, wanted: Workload, model: str, note: Note
) -> LoadResult:
    """From here, to one ready pod behind each Service: where no witness may be."""
    from vlab.load.client import run_async
    from vlab.load.exchange import Target

    services = {c.name: scenario.send.get(c.name, scenario.addresses[0]) for c in wanted.classes}
    with _tunnels(cluster, run, {*services.values()}) as (urls, engines):
        targets = {name: Target(urls[service], model) for name, service in services.items()}
        metrics = {name: f"{at}/metrics" for name, at in engines.items()}
        note("load: through tunnels")
        return asyncio.run(
            run_async(wanted, next(iter(targets.values())), per_class=targets, engines=metrics, on_progress=None)
        )


@contextmanager
def _tunnels(cluster: Kube, run: Run, services: set[str]) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Gives: the address of a tunnel by Service, and by pod."""
    objects = cluster.items("services,endpointslices,pods", run.namespace)
    with ExitStack() as stack:
        by_service: dict[str, str] = {}
        by_pod: dict[str, str] = {}
        for service in sorted(services):
            ports = serving(objects, run.namespace, (service,)).ports
            if not ports:
                raise LabError(f"no ready pod is behind {service}", "`vlab kubectl get pods` says why", Exit.NO_LAB)
            pod, port = next(iter(ports.items()))
            if pod not in by_pod:
                by_pod[pod] = stack.enter_context(forward(cluster, run.namespace, pod, port))
            by_service[service] = by_pod[pod]
        yield by_service, by_pod


def stream(cluster: Kube, lab: Lab, run: Run, scenario: Exercise, note: Note) -> Stream:
    """Ask for the same streamed answer of a ready engine and through the edge.

    Raises:
        LabError: no engine is ready, or the witness could not be asked.
    """
    values = kept(run).values
    found = _look(cluster, run, scenario)
    edge = scenario.edge or scenario.addresses[0]
    pod = witness.ensure(cluster, lab, values, note=note)
    if pod is None:
        raise LabError("a stream cannot be judged through a tunnel, which gathers it", "let vlab make its witness pod")
    note("a stream, direct and through the edge")
    draw = random.SystemRandom()
    given = {
        "paths": {"direct": next(iter(found.urls.values())), "edge": address(edge, run.namespace)},
        "prompts": [asking.question(draw) for _ in range(2)],
        "model": values["server"]["model"],
        "max_tokens": STREAM_TOKENS,
    }
    for _ in range(STREAM_TRIES):
        events = pod.ask("stream", given, _STREAM_S)
        said = {e["name"]: _path(e) for e in events if e["kind"] == "path"}
        result = Stream(direct=said.get("direct"), edge=said.get("edge"))
        if not _late(result):
            break
    return result


def _late(stream: Stream) -> bool:
    """Whether the machine was too busy to tell: the witness was late, or pieces neither flowed nor were gathered."""
    direct, edge = ((p.reads_per_event or 0.0) if p else 0.0 for p in (stream.direct, stream.edge))
    return direct < ON_TIME or GATHERED < edge < ON_TIME


def _path(event: Mapping[str, Any]) -> StreamPath:
    return StreamPath(**{k: v for k, v in event.items() if k in StreamPath.model_fields})


def forget_before(lab: Lab, run: Run, scenario: Exercise) -> None:
    """Measure anew when it is asked for next."""
    _file(lab, run, scenario).unlink(missing_ok=True)


def ensure_before(cluster: Kube, lab: Lab, run: Run, scenario: Exercise, note: Note) -> Before:
    """What a faulty deployment showed at its start: measured now, unless one that is equal was measured on this lab.

    Raises:
        LabError: it could not be measured.
    """
    file = _file(lab, run, scenario)
    if not file.is_file():
        found = Before(
            load=load(cluster, lab, run, scenario, note) if {"before", "load"} & set(scenario.collect) else None,
            stream=stream(cluster, lab, run, scenario, note) if "stream" in scenario.collect else None,
        )
        runs.write_whole(file, found.model_dump_json())
    return read_before(lab, run, scenario)


def read_before(lab: Lab, run: Run, scenario: Exercise) -> Before:
    """What was measured when the exercise began.

    Raises:
        LabError: nothing was, or it is not whole.
    """
    try:
        return Before.model_validate_json(_file(lab, run, scenario).read_text())
    except (OSError, pydantic.ValidationError):
        raise LabError(
            f"what {scenario.id} was like at its start is not known, so nothing can be compared with it",
            f"measure it anew: `vlab start {scenario.id} --replace`",
        ) from None


def _file(lab: Lab, run: Run, scenario: Exercise) -> Path:
    """One for each faulty deployment and traffic, whoever's it is."""
    made = kept(run)
    # Specs name nothing by its namespace, so that metadata is all that differs from learner to learner.
    bare = [{k: v for k, v in o.items() if k != "metadata"} for o in made.faulty.objects if o["kind"] != "Namespace"]
    known = [lab.instance, scenario.id, run.parameters, bare]
    if scenario.workload is not None:
        known.append(canonical(workload_of(scenario, run.parameters)))
    digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
    return paths.labs() / lab.name / "before" / f"{digest[:16]}.json"
