"""Asks a deployed endpoint for one grading: freshly drawn questions, through the witness, until they were heard."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vlab.cluster import witness
from vlab.cluster.forward import forwarded
from vlab.cluster.kube import Kube
from vlab.cluster.lab import Lab
from vlab.errors import LabError
from vlab.evidence.api import Answer, Asked, Counters
from vlab.serving import Serving, address, serving
from vlab.settings import SERVICE
from vlab.witness.http import as_object, as_text

Event = dict[str, Any]
Note = Callable[[str], None]

MAX_TOKENS = 12
_DEADLINE_S = 45.0
"""What was not heard is asked again, with other questions, until so many seconds have passed."""
_ATTEMPT_S = 25.0
_BODY_CHARS = 2000
_NOUNS = [
    "kettle",
    "harbour",
    "orchard",
    "lantern",
    "river",
    "engine",
    "village",
    "mirror",
    "garden",
    "winter",
    "bridge",
    "teacher",
    "market",
    "violin",
]
_ADJECTIVES = [
    "old",
    "quiet",
    "bright",
    "narrow",
    "distant",
    "wooden",
    "gentle",
    "broken",
    "heavy",
    "early",
    "silver",
    "curious",
    "patient",
    "empty",
]
_VERBS = [
    "sings",
    "waits",
    "turns",
    "changes",
    "travels",
    "opens",
    "shines",
    "listens",
    "returns",
    "disappears",
    "grows",
    "begins",
]


def question(draw: random.Random) -> str:
    """The beginning of a sentence that nobody has prepared an answer to: one of about 600,000."""
    noun, other = draw.sample(_NOUNS, 2)
    adjective, another = draw.sample(_ADJECTIVES, 2)
    return f"The {adjective} {noun} near the {another} {other} {draw.choice(_VERBS)} because"


def asked(
    cluster: Kube,
    lab: Lab,
    namespace: str,
    values: Mapping[str, Any],
    note: Note,
    addresses: Sequence[str] = (SERVICE,),
    api_key: str | None = None,
) -> Asked:
    """What the endpoint says, behind each of its addresses, to clients with this key.

    Raises:
        LabError: it could not be asked: the grader's own way to it failed to the last.
    """
    end = time.monotonic() + _DEADLINE_S
    trouble: LabError | None = None
    last: Asked | None = None
    while last is None or time.monotonic() < end:
        try:
            last = _once(cluster, lab, namespace, values, note, addresses, api_key)
            trouble = None
            if not last.unsteady and (last.models is None or _heard(last)):
                return last
        except LabError as e:
            trouble = e
            if time.monotonic() >= end:
                break
        note("asking again")
        time.sleep(0.5)
    if trouble is not None:
        raise trouble
    assert last is not None  # noqa: S101 - there is trouble or an answer
    return last


def _heard(found: Asked) -> bool:
    return all(a.heard for a in (found.models, *found.answers) if a is not None)


def look(cluster: Kube, namespace: str, addresses: Sequence[str] = (SERVICE,)) -> Serving:
    """What stands behind the addresses now."""
    return serving(cluster.items("services,endpointslices,pods", namespace), namespace, addresses)


def _once(
    cluster: Kube,
    lab: Lab,
    namespace: str,
    values: Mapping[str, Any],
    note: Note,
    addresses: Sequence[str],
    api_key: str | None,
) -> Asked:
    before = look(cluster, namespace, addresses)
    if not before.pods and not before.strangers:
        return Asked(via="witness", max_tokens=MAX_TOKENS)
    draw = random.SystemRandom()
    given = {
        "services": [address(name, namespace) for name in addresses],
        "pods": before.urls,
        "model": values["server"]["model"],
        "api_key": api_key,
        "prompts": [question(draw) for _ in range(2 * len(addresses) + len(before.pods))],
        "max_tokens": MAX_TOKENS,
    }
    found = witness.ensure(cluster, lab, values, note=note)
    note("asking the model")
    if found is not None:
        weights = f"/models/{values['server']['model']}" if lab.provider == "kind-built" else ""
        events = found.ask("api", {**given, "weights": weights}, _ATTEMPT_S)
        result = _asked(events, "witness", found.image_id)
    else:
        events = forwarded(cluster, namespace, before, given, _ATTEMPT_S)
        result = _asked(events, "forward", "")
    after = look(cluster, namespace, addresses)
    return result.model_copy(update={"unsteady": changed(before, after)})


def changed(before: Serving, after: Serving) -> str:
    """What is not as it was behind the Service, so that the answers may be another's."""
    was, now = _running(before.pods), _running(after.pods)
    gone = sorted(was.keys() - now.keys()) or sorted(k for k in was if now.get(k) != was[k])
    if gone:
        return f"{gone[0]} was there when it was asked, and is not what it was"
    new = sorted(now.keys() - was.keys())
    return f"{new[0]} has come meanwhile" if new else ""


def _running(pods: Sequence[Event]) -> dict[str, list[Any]]:
    return {
        p["metadata"]["name"]: [s.get("containerID") for s in p["status"].get("containerStatuses", ())] for p in pods
    }


def _asked(events: Sequence[Event], via: str, image_id: str) -> Asked:
    """The events of the program `api` as evidence."""
    models = next((e for e in events if e["kind"] == "models"), None)
    if models is None:
        raise LabError("the witness did not ask in time", "grade again")
    late = any(e["kind"] == "late" for e in events)
    unasked: Event = {"unavailable": "they did not answer in time" if late else "not asked", "gaps": []}
    reference = next((e for e in events if e["kind"] == "reference"), unasked)
    data = as_object(models["body"]).get("data")
    listed = [m for m in (data if isinstance(data, list) else ()) if isinstance(m, dict)]
    lengths = [m["max_model_len"] for m in listed if isinstance(m.get("max_model_len"), int)]
    return Asked(
        via=via,
        max_tokens=MAX_TOKENS,
        models=answer_of(models),
        served=tuple(as_text(m.get("id")) for m in listed),
        context=min(lengths, default=None),
        answers=tuple(answer_of(e) for e in events if e["kind"] == "answer"),
        counters={e["pod"]: Counters(before=e["before"], after=e["after"]) for e in events if e["kind"] == "counters"},
        gaps=tuple(tuple(g) for g in reference["gaps"]),
        no_reference=reference["unavailable"],
        image_id=image_id,
    )


def answer_of(event: Event) -> Answer:
    """An event of the witness as evidence, without a body that is not needed or too long."""
    kept = {k: v for k, v in event.items() if k in Answer.model_fields}
    body = "" if kept.get("text") else str(kept.get("body", ""))  # its text is there, and that is what it said
    return Answer(**{**kept, "body": body[:_BODY_CHARS]})
