"""What graders expect, each in one place: of the engine, its answers, its counters, its volumes, the nodes."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from vlab.essence import capacity, essence
from vlab.evidence import CannotTell, Evidence
from vlab.evidence.api import Answer, Asked
from vlab.grading.check import Mismatch, expect
from vlab.grading.views import Engine, kind, namespace, selected, why_not_ready
from vlab.serving import Door, Owner, is_ready
from vlab.settings import ENGINE_CORE, NAMED_ITS_NODE

Object = dict[str, Any]

SEE_SERVICE = "`kubectl get services,endpointslices`: a Service leads to the ready pods that its selector names."
SEE_PODS = "`kubectl describe pod` says why a pod waits, `kubectl logs --previous` why it ended."
SEE_ANSWER = "`vlab ask 'What is a GPU?'` asks as the check does: through the Service, from inside the cluster."
SEE_SHM = (
    "The engine's processes speak through /dev/shm: memory of the pod's own, not a disk, and not a folder that other "
    "pods of the node see."
)

PROBABLE_NATS = 0.75
"""At temperature 0 every token is the most probable one, up to rounding to 16 bits: 0.125 nats at most in all recorded
right runs. Of another model's answers the least probable token was at least 2.0 nats away (benchmarks/reference.py)."""


def why_nobody_serves(door: Door, objects: Sequence[Object], here: str) -> str:
    """What the cluster says about the pods that the Service would lead to, else about any of the namespace."""
    own = [p for p in kind(objects, "Pod") if namespace(p) == here]
    meant = [p for p in own if selected(door.service, p)]
    if not own:
        return "no pod"
    if not meant:
        return "none that the Service selects"
    if all(map(is_ready, meant)):
        return f"{len(meant)} ready pods, none of which listens on the port that the Service leads to"
    return why_not_ready(meant)


def expect_answered(answer: Answer | None) -> None:
    """Raises: Mismatch if something answered, but not with status 200; CannotTell if nothing was heard."""
    if answer is None:
        raise CannotTell("nothing was ready when it was asked")
    if answer.error == "refused":
        # A ready pod that refuses to the last is the endpoint's own word.
        raise Mismatch(f"an answer from {answer.where}", "the connection was refused, again and again")
    if not answer.heard:
        raise CannotTell(f"{answer.where} gave no answer: {answer.error} {answer.detail}".strip())
    if answer.error:
        raise Mismatch(f"an answer from {answer.where}", f"{answer.error}: {answer.detail or answer.body[:200]}")
    hint = "Clients send no key: an engine that asks for one shuts them out." if answer.status == 401 else None
    expect(answer.status == 200, "status 200", f"status {answer.status}: {answer.body[:200]}", hint)


def expect_engine(engine: Engine, asked: Asked) -> None:
    """Raises: Mismatch unless a vLLM server of the engine's image listens, with its core beside it."""
    name = f"{engine.name}/{engine.container['name']}"
    image = engine.container["status"].get("imageID", "")
    if asked.image_id:
        expect(image == asked.image_id, f"the engine's image in {name}", f"{engine.container['image']}, another one")
    if engine.inside is None or engine.listener is None:
        raise Mismatch(f"a vLLM server that listens in {name}", "no such process")
    command = engine.listener["command"]
    said = " ".join(command)[:200]
    is_server = engine.is_vllm and not {"-c", "-"} & set(command[1:2])
    expect(is_server, f"a vLLM server that listens in {name}", said)
    cores = [p for p in engine.inside["processes"] if str(p["name"]).startswith(ENGINE_CORE)]
    expect(cores, f"an engine's core beside the server in {name}", f"none beside: {said}")


def expect_counted(asked: Asked) -> None:
    """Raises: Mismatch unless the engines counted what they were asked, in every counter that it must move."""
    if asked.unsteady:
        raise CannotTell(asked.unsteady)
    if not asked.answers:
        expect_answered(asked.models)
        raise CannotTell("no question was answered in time")
    for answer in asked.answers:
        expect_answered(answer)
    for pod, counters in asked.counters.items():
        direct = [a for a in asked.answers if a.pod == pod]
        _expect_risen(f"engine of {pod}", [counters], direct)
    _expect_risen("engines together", list(asked.counters.values()), asked.answers)


def _expect_risen(whose: str, counters: Sequence[Any], answers: Sequence[Answer]) -> None:
    output = sum(a.output_tokens or 0 for a in answers)
    wanted = {
        "vllm:request_success_total": len(answers),
        "vllm:generation_tokens_total": output,
        "vllm:prompt_tokens_total": sum(a.prompt_tokens or 0 for a in answers),
        "vllm:e2e_request_latency_seconds_count": len(answers),
        "vllm:time_to_first_token_seconds_count": len(answers),
    }
    for name, least in wanted.items():
        risen = sum(c.risen(name) for c in counters)
        expect(risen >= least, f"{name} of the {whose} to rise by {least} with what was asked", f"{risen:g}")


def expect_most_probable(asked: Asked) -> None:
    """Raises: Mismatch if the promised model's weights do not find the answers probable."""
    if asked.no_reference == "not asked":
        return  # there are no weights here to compare with
    answered = [a for a in asked.answers if a.status == 200]
    if asked.no_reference:
        raise CannotTell(f"the model's weights could not be asked: {asked.no_reference}")
    expect(len(asked.gaps) >= len(answered), "answers with their tokens, as the engine gives them", "answers without")
    for answer, gaps in zip(answered, asked.gaps, strict=False):
        expect(
            max(gaps) <= PROBABLE_NATS,
            "what the promised model finds most probable",
            f"{answer.text[:80]!r}, with a token that it finds {max(gaps):.1f} nats less probable",
        )


def expect_readiness(engine: Engine) -> None:
    """Raises: Mismatch unless the serving container has a readiness probe that asks it something."""
    name = f"{engine.name}/{engine.container['name']}"
    probe = engine.container.get("readinessProbe")
    expect(probe, f"a readiness probe in {name}", "none")
    asks = f"a readiness probe in {name} that asks the engine on its port"
    for kind_ in ("httpGet", "tcpSocket", "grpc"):
        if found := (probe or {}).get(kind_):
            port = _number(found["port"], engine.container)
            expect(port == engine.port, f"{asks} {engine.port}", f"one that asks port {port}")
    command = " ".join((probe or {}).get("exec", {}).get("command", ()))
    expect(not command or _ASKS.search(command), asks, f"`{command}`")


_ASKS = re.compile(r"\d{2,}|health|http|tcp|curl|wget")
"""What a command that asks a server has in it: a port, a path, a protocol or a client."""


def _number(port: int | str, container: Object) -> int | str:
    """A port's number, which a probe may give by the name that the container has for it."""
    named = {p.get("name"): p["containerPort"] for p in container.get("ports", ())}
    return int(port) if str(port).isdigit() else named.get(port, port)


def expect_outlives_a_pod(engine: Engine, path: str) -> None:
    """Raises: Mismatch unless the model cache is on a volume that is still there when the pod is gone."""
    env = {e["name"]: e.get("value", "") for e in engine.container.get("env", ())}
    places = [path, *(env[n] for n in ("HF_HOME", "HF_HUB_CACHE") if env.get(n, "").startswith("/"))]
    volumes = [v for v in (engine.volume_at(p) for p in places) if v is not None]
    gone_with_pod = {"emptyDir", "ephemeral", "configMap", "secret", "downwardAPI", "projected", "image"}
    kinds = [next(iter(v.keys() - {"name"}), "emptyDir") for v in volumes]
    found = ", ".join(kinds) or "no volume"
    expect(set(kinds) - gone_with_pod, f"a volume at {path} in {engine.name} that outlives the pod", found)


def expect_left_by_an_earlier_pod(engine: Engine) -> None:
    """Raises: Mismatch unless the model cache, seen from inside, has something that was there before the pod was."""
    if engine.inside is None:
        raise CannotTell(f"{engine.name} could not be looked into")
    began = _first_start(engine.pod)
    caches = engine.inside.get("caches", ())
    older = [name for cache in caches for name, written in cache["oldest"] if written < began.timestamp()]
    places = ", ".join(cache["path"] for cache in caches)
    many = sum(cache["files"] for cache in caches)
    expect(
        older,
        f"a file in {places} of {engine.name} from before {began:%H:%M:%S} UTC, when this pod began",
        f"{many} files, all of them newer" if many else "no file at all",
    )


def _first_start(pod: Object) -> datetime:
    """When the first of a pod's containers started; nothing of this pod's can be older. It is told in whole seconds."""
    status = pod["status"]
    every = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    states = [s for c in every for part in ("state", "lastState") for s in c.get(part, {}).values()]
    starts = [datetime.fromisoformat(s["startedAt"]) for s in states if s.get("startedAt")]
    if not starts or any(c.get("restartCount", 0) > 1 for c in every):  # of more than two starts the first is forgotten
        return datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
    return min(starts)


def expect_own_shared_memory(engine: Engine) -> None:
    """Raises: Mismatch unless /dev/shm is a tmpfs, and none that the node's other pods see."""
    if engine.inside is None:
        raise CannotTell(f"{engine.name} could not be looked into")
    mounts = [m for m in engine.inside["mounts"] if m["path"] == "/dev/shm"]  # noqa: S108
    kind_ = mounts[-1]["type"] if mounts else "nothing"
    expect(kind_ == "tmpfs", f"a tmpfs at /dev/shm in {engine.name}", kind_)
    own = f"memory of the pod's own at /dev/shm in {engine.name}"
    expect(not engine.pod["spec"].get("hostIPC"), own, "the node's, by hostIPC")
    volume = engine.volume_at("/dev/shm") or {"emptyDir": {}}  # noqa: S108
    node = volume.get("hostPath", {}).get("path")
    expect(node is None, own, f"the node's folder {node}")
    expect("emptyDir" in volume, own, f"a volume of kind {', '.join(sorted(volume.keys() - {'name'}))}")


def expect_scheduled(owner: Owner) -> None:
    """Raises: Mismatch if whoever wrote the pod named its node, past the scheduler."""
    if owner.kind == "Pod" or owner.found is None:
        named = [p["metadata"]["name"] for p in owner.pods if _names_its_node(p)]
        expect(not named, "pods that the scheduler placed", f"{', '.join(named)} with a nodeName of its own")
        return
    node = owner.found["spec"].get("template", {}).get("spec", {}).get("nodeName")
    expect(node is None, f"no nodeName in {owner.kind} {owner.name}", f"nodeName {node}")


def _names_its_node(pod: Object) -> bool:
    return bool(pod["metadata"].get("annotations", {}).get(NAMED_ITS_NODE))


def expect_same_nodes(nodes: Sequence[Object], start: Sequence[Object], evidence: Evidence) -> None:
    """Raises: Mismatch if a node is not as it was; CannotTell where somebody else may have changed it."""
    now = {node["metadata"]["name"]: node for node in nodes}
    for before in kind(start, "Node"):
        expect_same_node(before, now.get(before["metadata"]["name"]), evidence.header.cluster.get("provider"))


def expect_same_node(before: Object, now: Object | None, provider: str | None) -> None:
    """Raises: Mismatch if one node is not as it was; CannotTell where somebody else may have changed it."""
    name = before["metadata"]["name"]
    had, has = capacity(before), capacity(now) if now else {}
    if now is None or not is_ready(now):
        raise CannotTell(f"node {name} is not there, or not ready")
    less = [k for k in had if int(has.get(k, 0)) < int(had[k])]
    if less:
        raise CannotTell(f"node {name} offers less {less[0]} than at the start: its device plugin may be registering")
    differing = [k for k in ("capacity", "spec", "metadata") if essence(now).get(k) != essence(before).get(k)]
    if differing and provider == "context":
        raise CannotTell(f"node {name} was changed, maybe by others who use this cluster")
    expect(not differing, f"node {name} as at the start", _difference(essence(before), essence(now)))


def _difference(before: Object, now: Object) -> str:
    """The first field that differs, with both values."""
    for part in ("capacity", "spec", "metadata"):
        if before.get(part) != now.get(part):
            a, b = before.get(part, {}), now.get(part, {})
            if part == "metadata":
                a, b = a.get("labels", {}), b.get("labels", {})
            key = next((k for k in sorted(a.keys() | b.keys()) if a.get(k) != b.get(k)), "")
            return f"{key}: {b.get(key)}, was {a.get(key)}"
    return "another"
