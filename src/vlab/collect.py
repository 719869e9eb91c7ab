"""Reads a live deployment into evidence; the only part that does. Each collector may fail without the others."""

import json
import re
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vlab import __version__, asking, calling, evidence, measure, own_loads, probing, runs
from vlab.catalog import Exercise
from vlab.cluster.kube import Kube, kube
from vlab.cluster.lab import Lab
from vlab.cluster.objects import snapshot, volumes_of
from vlab.deployment import kept
from vlab.errors import LabError
from vlab.evidence import Collected, Header, Plugin, Promised, Settled, Volume, seal
from vlab.exercise import cluster_uid
from vlab.grading.load import checks_in
from vlab.grading.run import waits_for_load
from vlab.probing import without_core
from vlab.runs import Run
from vlab.serving import serving
from vlab.settle import Limits, restless

Object = dict[str, Any]
Note = Callable[[str], None]
Wait = Callable[[], Settled]

_DYING_S = 10.0
_REMOVING_S = 60.0
_ROUNDS = 4
"""So often it is waited and asked again where something moves meanwhile, such as an engine that was killed."""

_ABOUT_GPUS = re.compile("nvidia|gpu|device-plugin", re.IGNORECASE)
_LOG_LINES = 5000
_LOG_BYTES = 2 << 20
_LOGS_AT_MOST = 20


@dataclass
class Context:
    """What collectors read from and write to."""

    run: Run
    lab: Lab
    cluster: Kube
    scenario: Exercise
    values: Mapping[str, Any]
    note: Note
    wait: Wait
    parts: dict[str, Any] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    now: list[Object] = field(default_factory=list)
    """The objects, read after the endpoint was asked."""

    @property
    def api_key(self) -> str | None:
        """What clients of the exercise send."""
        return self.run.parameters.get(self.scenario.api_key)


def collect(
    run: Run,
    lab: Lab,
    scenario: Exercise,
    folder: Path,
    wait: Wait,
    limits: Limits,
    note: Note,
    made_from: str = "",
    *,
    load: bool = True,
) -> None:
    """Record evidence into the new `folder`. Never fails because of what is deployed.

    Args:
        wait: waits until the deployment has settled; it is called again when something moved while it was asked.
        made_from: the digest to keep with a run that is recorded for replay.
        load: whether load may be sent; without it that is not among the evidence.
    """
    values = kept(run).values
    context = Context(run, lab, kube(lab), scenario, values, note, wait)
    began, started = time.monotonic(), datetime.now(UTC)
    outcomes: dict[str, Collected] = {}
    for _ in range(_ROUNDS):
        settled = wait()
        # Ask, then look: what is looked at is what answered.
        if "api" in scenario.collect:
            outcomes["api"] = _timed(_api, context)
        outcomes["objects"] = _timed(_objects, context)
        if "probe" in scenario.collect:
            outcomes["probe"] = _timed(_probe, context)
        moved = _moved(context, limits) if outcomes["objects"].ok else ""
        if settled.moving or not moved:
            break
        settled = settled.model_copy(update={"moving": moved})
    if scenario.measured:
        outcomes["before"] = _timed(_before, context)
        wanted = {name: LOADERS[name] for name in LOADERS if name in scenario.collect and load}
        if wanted and not _waits_for_load(_header(context, outcomes, settled), context):
            undue = Collected(ok=False, reason="nothing was sent: what it could tell is decided without it")
            outcomes |= dict.fromkeys(wanted, undue)
        else:
            outcomes |= {name: _timed(loader, context) for name, loader in wanted.items()}
    outcomes["loads"] = _timed(_loads, context)
    rest = {name: COLLECTORS[name] for name in COLLECTORS if name in scenario.collect}
    note(", ".join(rest))
    with ThreadPoolExecutor(max(1, len(rest))) as pool:
        futures = {name: pool.submit(_timed, collector, context) for name, collector in rest.items()}
        outcomes |= {name: future.result() for name, future in futures.items()}
    answers, refused = evidence.read_answers(run.answers)
    header = _header(context, outcomes | {"answers": Collected(ok=True)}, settled).model_copy(
        update={
            "made_from": made_from,
            "started": started,
            "finished": datetime.now(UTC),
            "seconds": round(time.monotonic() - began, 3),
            "skew_seconds": _skew(context.cluster),
            "refused": {f"answers/{name}": why for name, why in refused.items()},
        }
    )
    evidence.write(folder, header, context.parts, context.logs, answers, seal.own_key())


def _header(context: Context, outcomes: Mapping[str, Collected], settled: Settled) -> Header:
    """What is known of the recording but for its times."""
    run, lab, scenario, server = context.run, context.lab, context.scenario, context.values["server"]
    return Header(
        vlab=__version__,
        scenario=run.scenario,
        learner=run.learner,
        namespace=run.namespace,
        namespace_uid=run.namespace_uid,
        profile=lab.profile,
        parameters=run.parameters,
        cluster={"provider": lab.provider, "context": lab.context, "instance": lab.instance, "uid": run.cluster_uid},
        promised=Promised(
            model=server["model"],
            image=server["image"],
            context=server["flags"]["max-model-len"],
            cache_path=server["cache_path"],
            addresses=scenario.addresses,
            edge=scenario.edge or "",
            proxied=scenario.proxied,
        ),
        settled=settled,
        via=context.parts.get("api", {}).get("via", ""),
        challenge=run.challenge,
        started=datetime.now(UTC),
        seconds=0.0,
        collectors=dict(outcomes),
    )


def _waits_for_load(header: Header, context: Context) -> bool:
    """Whether a load could still tell something: nobody is kept waiting for one that cannot change a verdict."""
    with tempfile.TemporaryDirectory(prefix="vlab-") as room:
        evidence.write(Path(room) / "evidence", header, context.parts)
        return waits_for_load(checks_in(*context.scenario.graders), evidence.Evidence(Path(room) / "evidence"))


def _moved(context: Context, limits: Limits) -> str:
    """What has begun to move since it had settled.

    A server whose engine has just been killed answers, listens and is ready for some seconds yet, and ends then.
    """
    now = context.now
    end = time.monotonic() + (_DYING_S if without_core(context.parts.get("probes", ())) else 0.0)
    while True:
        try:
            run, here = context.run, context.scenario.awaited
            moved = restless(now, context.cluster.now(), context.lab, run.namespace, limits, here)
            if moved or time.monotonic() > end:
                return moved or ""
            time.sleep(0.5)
            now = snapshot(context.cluster, context.lab, context.run.namespace)
        except LabError as e:
            return e.message


def _timed(collector: Callable[[Context], None], context: Context) -> Collected:
    began = time.monotonic()
    ok, reason = False, ""
    try:
        collector(context)
        ok = True
    except LabError as e:
        reason = e.message
    except Exception as e:
        reason = f"{type(e).__name__}: {e}"
    return Collected(ok=ok, reason=reason, seconds=round(time.monotonic() - began, 3))


def _skew(cluster: Kube) -> float:
    try:
        return round((datetime.now(UTC) - cluster.now()).total_seconds(), 0)
    except LabError:
        return 0.0


def _api(context: Context) -> None:
    given = (context.cluster, context.lab, context.run.namespace, context.values, context.note)
    asked = asking.asked(*given, context.scenario.addresses, context.api_key)
    context.parts["api"] = asked.model_dump(mode="json")


def _calls(context: Context) -> None:
    given = (context.cluster, context.lab, context.run, context.values, context.note)
    context.parts["calls"] = calling.called(*given, context.api_key)


def _load(context: Context) -> None:
    found = measure.load(context.cluster, context.lab, context.run, context.scenario, context.note)
    if found.loaded.unsteady:  # a node that was lost is nobody's fault; what comes again is the deployment's own
        context.wait()
        found = measure.load(context.cluster, context.lab, context.run, context.scenario, context.note)
    context.parts |= measure.Before(load=found).parts()


def _stream(context: Context) -> None:
    found = measure.stream(context.cluster, context.lab, context.run, context.scenario, context.note)
    context.parts["stream"] = found


def _before(context: Context) -> None:
    """What was measured when the exercise began; it is read, not measured."""
    context.parts |= measure.read_before(context.lab, context.run, context.scenario).parts("_before")


def _objects(context: Context) -> None:
    if cluster_uid(context.cluster) != context.run.cluster_uid:
        raise LabError("another cluster answers than the one that this run was started on", "`vlab start --replace`")
    context.now = snapshot(context.cluster, context.lab, context.run.namespace)
    context.parts["objects"] = {"start": runs.read_objects(context.run.start), "now": context.now}


def _events(context: Context) -> None:
    context.parts["events"] = context.cluster.items("events", context.run.namespace)


def _probe(context: Context) -> None:
    found = serving(context.now, context.run.namespace, context.scenario.addresses)
    path = context.values["server"]["cache_path"]
    context.parts["probes"] = probing.probed(context.cluster, context.run.namespace, found.pods, path)


def _logs(context: Context) -> None:
    """The logs of the exercise's pods; one that cannot be had costs only itself."""
    pods = [o for o in context.now if o["kind"] == "Pod" and o["metadata"].get("namespace") == context.run.namespace]
    wanted = []
    for pod in pods:
        for status in pod.get("status", {}).get("containerStatuses", ()):
            name, container = pod["metadata"]["name"], status["name"]
            if status.get("started") or "terminated" in status["state"]:
                wanted.append((f"{name}--{container}.log", name, container, False))
            if "terminated" in status.get("lastState", {}):
                wanted.append((f"{name}--{container}--previous.log", name, container, True))
    for file, name, container, previous in wanted[:_LOGS_AT_MOST]:
        try:
            context.logs[file] = context.cluster.logs(
                context.run.namespace, name, container, previous=previous, lines=_LOG_LINES, limit=_LOG_BYTES
            )
        except LabError as e:
            context.logs[file] = f"[this log could not be had: {e.message}]\n"


def _loads(context: Context) -> None:
    """What the learner had sent since the exercise began; it was kept when it was sent."""
    context.parts["loads"] = own_loads.kept(context.run)


def _gpus(context: Context) -> None:
    """What is there, in any namespace, so that nodes offer GPUs."""
    found = [d for d in context.cluster.items("daemonsets") if _ABOUT_GPUS.search(json.dumps(_names(d)))]
    context.parts["plugins"] = [
        Plugin(
            namespace=d["metadata"]["namespace"],
            name=d["metadata"]["name"],
            wanted=d["status"].get("desiredNumberScheduled", 0),
            ready=d["status"].get("numberReady", 0),
        )
        for d in found
    ]


def _volumes(context: Context) -> None:
    """What the exercise's claims have or had; one that is being removed is waited for."""
    end = time.monotonic() + _REMOVING_S
    while True:
        found = [_volume(v) for v in volumes_of(context.cluster, context.run.namespace)]
        going = [v.name for v in found if v.policy == "Delete" and v.phase == "Released"]
        if not going:
            context.parts["volumes"] = found
            return
        if time.monotonic() > end:
            raise LabError(f"volume {going[0]} is being removed", "grade again when it is gone")
        context.note(f"volume {going[0]} is being removed")
        time.sleep(0.5)


def _volume(found: Object) -> Volume:
    return Volume(
        name=found["metadata"]["name"],
        claim=found["spec"]["claimRef"].get("name", ""),
        phase=found.get("status", {}).get("phase", ""),
        policy=found["spec"].get("persistentVolumeReclaimPolicy", "Retain"),
    )


def _names(found: Object) -> list[str]:
    return [found["metadata"]["name"], *(c["image"] for c in found["spec"]["template"]["spec"]["containers"])]


LOADERS: dict[str, Callable[[Context], None]] = {"load": _load, "stream": _stream}
"""What sends the traffic of many, one after the other."""
COLLECTORS: dict[str, Callable[[Context], None]] = {
    "events": _events,
    "logs": _logs,
    "calls": _calls,
    "gpus": _gpus,
    "volumes": _volumes,
}
"""What an exercise may name under `collect` besides, but for `api`, `objects` and `probe`, which are of one moment."""
