"""Asks a deployed endpoint one question of every kind that its API knows, for one grading."""

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

from vlab import asking, runs
from vlab.cluster import witness
from vlab.cluster.forward import forwarded
from vlab.cluster.kube import Kube
from vlab.cluster.lab import Lab
from vlab.errors import Exit, LabError
from vlab.evidence import Beginning, Calls, Object
from vlab.runs import Run
from vlab.serving import Serving, address
from vlab.settings import SERVICE

_DEADLINE_S = 90.0
_LONG = 40
"""Sentences of the long question: several blocks of any usual size."""


def called(
    cluster: Kube, lab: Lab, run: Run, values: Mapping[str, Any], note: Callable[[str], None], api_key: str | None
) -> Calls:
    """What the endpoint says to clients with this key, and to those without.

    Raises:
        LabError: nothing is ready, or it could not be asked in time.
    """
    there = asking.look(cluster, run.namespace)
    if not there.pods:
        raise LabError("nothing was ready that could be asked", "`vlab kubectl get pods` says why", Exit.NO_LAB)
    draw = random.SystemRandom()
    given = {
        "services": [address(SERVICE, run.namespace)],
        "pods": there.urls,
        "model": values["server"]["model"],
        "api_key": api_key,
        "context": values["server"]["flags"]["max-model-len"],
        "prompts": [asking.question(draw) for _ in range(3)],
        "long": " ".join(asking.question(draw) for _ in range(_LONG)),
    }
    note("asking the API one question of every kind")
    found = witness.ensure(cluster, lab, values, note=note)
    if found is not None:
        events = found.ask("calls", given, _DEADLINE_S)
    else:
        events = forwarded(cluster, run.namespace, there, given, _DEADLINE_S, "calls")
    if any(e["kind"] == "late" for e in events):
        raise LabError("the API did not answer every question in time", "grade again", Exit.NO_LAB)
    return calls_of(events, _own_hits(run, there, events))


def calls_of(events: list[Object], own_before: float) -> Calls:
    """The events of the program `calls` as evidence.

    Args:
        own_before: tokens that the same engines found for the questions of earlier gradings.
    """
    prefixes = {e["name"]: e for e in events if e["kind"] == "prefix"}
    streams = [e for e in events if e["kind"] == "call" and e["name"] == "stream"]
    return Calls(
        answers={e["name"]: asking.answer_of(e) for e in events if e["kind"] == "call"},
        events=sum(e["events"] for e in streams),
        done=any(e["done"] for e in streams),
        block_size=next((e["block_size"] for e in prefixes.values()), None),
        hits_before=next((e["before"] for e in prefixes.values()), 0.0) - own_before,
        **{
            name: Beginning(**{k: v for k, v in e.items() if k in Beginning.model_fields})
            for name, e in prefixes.items()
        },
    )


def _own_hits(run: Run, there: Serving, events: list[Object]) -> float:
    """What earlier gradings had the same engines find; what this one did is added for the next."""
    engines = [s.get("containerID", "") for p in there.pods for s in p["status"].get("containerStatuses", ())]
    file, key = run.folder / "own-hits.json", ",".join(sorted(engines))
    try:
        before = float(json.loads(file.read_text()).get(key, 0.0))
    except (OSError, ValueError, AttributeError):
        before = 0.0
    own = max((e["own"] for e in events if e["kind"] == "prefix"), default=0.0)
    runs.write_whole(file, json.dumps({key: before + own}))
    return before
