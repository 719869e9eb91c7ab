"""Makes small evidence by hand: the objects of one deployment that serves, what is in its pods, what it answered."""

import copy
import json
from datetime import UTC, datetime
from typing import Any

from vlab.evidence import (
    PARTS,
    Calls,
    Collected,
    Evidence,
    Header,
    Loaded,
    Measured,
    MetricSample,
    Plugin,
    Probe,
    Promised,
    Request,
    Stream,
    StreamPath,
    Volume,
    write,
)
from vlab.evidence.api import Answer, Asked, Counters

Object = dict[str, Any]

HERE = "llm-demo"
MODEL = "smol"
IMAGE = "sha256:engine"
APP = {"app": "vllm-server"}
MADE, BEFORE, LATER = "2026-01-01T00:00:00Z", 1767225599.0, 1767225601.0
"""When pods were made, and a second before and after that."""
COUNTERS = (
    "vllm:request_success_total",
    "vllm:generation_tokens_total",
    "vllm:prompt_tokens_total",
    "vllm:e2e_request_latency_seconds_count",
    "vllm:time_to_first_token_seconds_count",
)


def promised(**known: Any) -> Promised:
    return Promised(model=MODEL, image="engine", context=2048, cache_path="/cache", **known)


def header(ok: tuple[str, ...] = (), **known: Any) -> Header:
    """A header of which the collectors in `ok` did their work."""
    given: dict[str, Any] = {
        "vlab": "0",
        "scenario": "four-gpu-pending",
        "learner": "ada",
        "namespace": HERE,
        "profile": "cpu",
        "started": datetime(2026, 1, 1, tzinfo=UTC),
        "seconds": 1.0,
        "promised": promised(),
        "collectors": {name: Collected(ok=True, seconds=0.1) for name in ok},
    }
    return Header(**{**given, **known})


def metadata(name: str, *, owner: Object | None = None, namespace: str | None = HERE, **more: Any) -> Object:
    found: Object = {"name": name, "uid": f"uid-{name}", "generation": 1, "labels": {}, **more}
    if namespace is not None:
        found["namespace"] = namespace
    if owner is not None:
        reference = {"kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
        found["ownerReferences"] = [{**reference, "controller": True}]
    return found


def service(*ports: Object, name: str = "vllm-server", **spec: Any) -> Object:
    """The Service; its port is the one that the brief names unless others are given."""
    wanted = list(ports) or [{"name": "http", "port": 8000, "targetPort": "http"}]
    return {
        "kind": "Service",
        "metadata": metadata(name, uid=f"uid-service-{name}"),
        "spec": {"selector": APP, "ports": wanted, **spec},
    }


def endpoint(pod: Object | None, address: str = "10.0.0.1", *, ready: bool | None = True) -> Object:
    target = {} if pod is None else {"targetRef": {"kind": "Pod", "name": pod["metadata"]["name"]}}
    return {"addresses": [address], "conditions": {} if ready is None else {"ready": ready}, **target}


def endpoints(*found: Object, port: int = 8000, name: str | None = "http", service: str = "vllm-server") -> Object:
    labels = {"kubernetes.io/service-name": service}
    return {
        "kind": "EndpointSlice",
        "metadata": metadata(f"{service}-slice", labels=labels),
        "ports": [{"name": name, "port": port, "protocol": "TCP"}],
        "endpoints": list(found),
    }


def engine_container(gpus: int = 1, name: str = "vllm", **more: Any) -> Object:
    return {
        "name": name,
        "image": "engine:1",
        "resources": {"limits": {"nvidia.com/gpu": str(gpus)}} if gpus else {},
        "ports": [{"containerPort": 8000}],
        "readinessProbe": {"httpGet": {"path": "/health", "port": 8000}},
        "volumeMounts": [{"name": "cache", "mountPath": "/cache"}, {"name": "shm", "mountPath": "/dev/shm"}],
        **more,
    }


def pod(
    name: str = "vllm-server-1",
    *containers: Object,
    owner: Object | None = None,
    ready: bool = True,
    address: str = "10.0.0.1",
    **more: Any,
) -> Object:
    """A pod that serves, or that will once it is ready."""
    inside = list(containers) or [engine_container()]
    found = metadata(name, owner=owner, **{"labels": APP, "creationTimestamp": MADE, **more})
    statuses = [
        {
            "name": c["name"],
            "ready": ready,
            "imageID": IMAGE,
            "containerID": f"{name}-{c['name']}",
            "restartCount": 0,
            "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
        }
        for c in inside
    ]
    return {
        "kind": "Pod",
        "metadata": found,
        "spec": {
            "nodeName": "worker-1",
            "containers": inside,
            "volumes": [
                {"name": "cache", "persistentVolumeClaim": {"claimName": "model-cache-pvc"}},
                {"name": "shm", "emptyDir": {"medium": "Memory"}},
            ],
        },
        "status": {
            "phase": "Running",
            "podIP": address,
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": statuses,
        },
    }


def workload(
    kind: str = "Deployment", name: str = "vllm-server", *, owner: Object | None = None, **status: Any
) -> Object:
    """One that wants one replica and has it."""
    counts = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1, "observedGeneration": 1}
    return {
        "kind": kind,
        "metadata": metadata(name, owner=owner),
        "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "vllm"}]}}},
        "status": {**counts, **status},
    }


def node(name: str = "worker-1", gpus: int = 1, *, ready: bool = True, **spec: Any) -> Object:
    return {
        "kind": "Node",
        "metadata": metadata(name, namespace=None, labels={"kubernetes.io/hostname": name}),
        "spec": spec,
        "status": {
            "capacity": {"cpu": "8", "nvidia.com/gpu": str(gpus)},
            "allocatable": {"nvidia.com/gpu": str(gpus)},
            "conditions": [{"type": "Ready", "status": str(ready)}],
        },
    }


def space(name: str = HERE, owner: str | None = None) -> Object:
    labels = {"vlab.dev/exercise": HERE, **({"owner": owner} if owner else {})}
    return {"kind": "Namespace", "metadata": metadata(name, namespace=None, labels=labels)}


def deployed() -> list[Object]:
    """A Deployment with one pod, whole, and the Service in front of it."""
    deployment = workload()
    replica_set = workload("ReplicaSet", "vllm-server-abc", owner=deployment)
    one = pod(owner=replica_set)
    return [space(), deployment, replica_set, one, service(), endpoints(endpoint(one)), node()]


def split(second: Object | None = None) -> list[Object]:
    """Batch on an engine of its own, or whatever else is behind its Service."""
    owner = workload(name="vllm-batch")
    two = second or pod("vllm-batch-1", owner=owner, address="10.0.0.2", labels={"app": "vllm-batch"})
    ends = endpoints(endpoint(two, two["status"]["podIP"]), service="vllm-batch")
    return [*deployed(), owner, two, service(name="vllm-batch", selector={"app": "vllm-batch"}), ends]


def nginx(name: str = "edge-1", address: str = "10.0.0.9", image: str = "nginx:1.29") -> Object:
    """A pod with a web server in it."""
    return pod(name, {"name": "nginx", "image": image, "ports": [{"containerPort": 8000}]}, address=address, labels={})


def behind_an_edge(*others: Object) -> list[Object]:
    """The same with nginx in front, or something else."""
    template = {"spec": {"containers": [{"name": "nginx", "image": "nginx:1.29"}]}}
    deployment = {**workload(name="edge"), "spec": {"replicas": 1, "template": template}}
    found = list(others) or [nginx()]
    ends = [endpoint(each, each["status"]["podIP"]) for each in found]
    return [*deployed(), deployment, *found, service(name="edge"), endpoints(*ends, service="edge")]


def is_engine(found: Object) -> bool:
    return found["kind"] == "Pod" and any(c["name"] == "vllm" for c in found["spec"]["containers"])


def process(pid: int, name: str, *command: str, parent: int = 0) -> Object:
    return {"pid": pid, "name": name, "parent": parent, "command": list(command)}


SERVER = process(1, "vllm", "/usr/bin/python3", "/usr/local/bin/vllm", "serve", MODEL)
CORE = process(50, "VLLM::EngineCor", "VLLM::EngineCore", parent=1)


def inside(*processes: Object, port: int = 8000, shm: str = "tmpfs", written: tuple[float, ...] = (BEFORE,)) -> Object:
    """What the engine's container says of itself; its first process listens, its cache has files of these times."""
    every = list(processes) or [SERVER, CORE]
    return {
        "listeners": {str(port): every[0]["pid"]},
        "processes": every,
        "mounts": [{"path": "/dev/shm", "type": shm, "source": shm, "root": "/"}],
        "shm_mib": 1024.0,
        "caches": [{"path": "/cache", "files": len(written), "oldest": [[f"f{t}", t] for t in written]}],
    }


def probe(said: Object | None, pod: str = "vllm-server-1", container: str = "vllm", code: int = 0) -> Probe:
    text = "" if said is None else json.dumps(said)
    return Probe(
        name="inside", pod=pod, container=container, command=("python3",), exit_code=code, stdout=text, stderr=""
    )


def answer(pod: str = "", **known: Any) -> Answer:
    given: Object = {
        "url": "http://vllm-server:8000/v1/completions",
        "pod": pod,
        "status": 200,
        "text": " it is cold",
        "model": MODEL,
        "prompt_tokens": 9,
        "output_tokens": 12,
    }
    return Answer(**{**given, **known})


def asked(**known: Any) -> Asked:
    """Three questions, one of them to the pod by itself, all answered and counted."""
    three = (answer(), answer(), answer("vllm-server-1"))
    counted = dict(zip(COUNTERS, (3.0, 36.0, 27.0, 3.0, 3.0), strict=True))
    given: Object = {
        "via": "witness",
        "max_tokens": 12,
        "models": Answer(url="http://vllm-server:8000/v1/models", status=200),
        "served": (MODEL,),
        "context": 2048,
        "answers": three,
        "counters": {"vllm-server-1": Counters(before=dict.fromkeys(COUNTERS, 0.0), after=counted)},
        "gaps": ((0.0, 0.1),) * 3,
        "image_id": IMAGE,
    }
    return Asked(**{**given, **known})


def request(index: int, ttft: float, tokens: int = 100, of: str = "reader", **known: Any) -> Request:
    """One that was answered in whole, a token every 20 ms after the first."""
    given: Object = {
        "class_name": of,
        "index": index,
        "intended": 100.0,
        "sent": 100.0,
        "first_token": 100.0 + ttft,
        "end": 100.0 + ttft + tokens * 0.02,
        "requested_tokens": tokens,
        "prompt_tokens": 100,
        "output_tokens": tokens,
        "counted": True,
        "status": 200,
    }
    return Request(**{**given, **known})


def measured(*requests: Request, preemptions: int = 0, waiting: int = 0, **known: Any) -> Measured:
    """A load, and a second by second what the one engine said of it."""
    end = int(max(r.end for r in requests)) + 1
    names = ("num_preemptions_total", "num_requests_waiting", "kv_cache_usage_perc", "num_requests_running")
    samples = tuple(
        MetricSample(
            t=float(t),
            pod="vllm-server-1",
            samples={
                f"vllm:{n}": float(v)
                for n, v in zip(names, (preemptions * (t > 100), waiting * (100 < t < end), 0.5, 1), strict=True)
            },
        )
        for t in range(99, end + 1)
    )
    given: Object = {"started": 99.0, "workload": "w", "nonce": "n", "via": "witness", "engines": ("vllm-server-1",)}
    return Measured(loaded=Loaded(**{**given, **known}), requests=requests, metrics=samples)


SATURATED = measured(*(request(i, i / 2) for i in range(20)), preemptions=16, waiting=10)
EASY = measured(*(request(i, 0.5) for i in range(20)))


def both(chat: float, batch: float) -> Measured:
    """Chat beside batch: chat's slowest first token, and when batch is done."""
    talk = [request(i, 0.1 + (chat - 0.1) * i / 9, 8, "chat") for i in range(10)]
    reports = [request(i, batch - 1.0, 24, "batch", end=100.0 + batch, prompt_tokens=1000) for i in range(6)]
    return measured(*talk, *reports)


BESIDE_BATCH = both(4.0, 10.0)
APART = both(0.4, 15.0)


def streamed(reads: int = 65, first: float = 0.1, seconds: float = 2.0, events: int = 65, **known: Any) -> StreamPath:
    """An answer in pieces, evenly spread from the first to the end."""
    step = (seconds - first) / max(1, reads - 1)
    given: Object = {
        "url": "http://edge:8000",
        "status": 200,
        "headers": {"content-type": "text/event-stream; charset=utf-8"},
        "events": events,
        "reads": reads,
        "chunks": tuple(first + i * step for i in range(reads)),
        "seconds": seconds,
    }
    return StreamPath(**{**given, **known})


FLOWING = Stream(direct=streamed(), edge=streamed())
LUMPED = Stream(direct=streamed(), edge=streamed(reads=1, first=2.0, content_encoding="gzip"))


DEVICE_PLUGIN = Plugin(namespace="gpu-operator", name="nvidia-device-plugin-daemonset", wanted=1, ready=1)


VOLUME = Volume(name="pvc-1", claim="model-cache-pvc", phase="Released", policy="Retain")


def evidence(
    folder: Any,
    now: list[Object],
    start: list[Object] | None = None,
    said: list[Probe] | None = None,
    api: Asked | None = None,
    before: Measured = SATURATED,
    after: Measured = EASY,
    stream: Stream = FLOWING,
    stream_before: Stream = LUMPED,
    plugins: tuple[Plugin, ...] = (DEVICE_PLUGIN,),
    calls: Calls | None = None,
    loads: tuple[Measured, ...] = (),
    volumes: tuple[Volume, ...] = (),
    answers: dict[str, str] | None = None,
    **known: Any,
) -> Evidence:
    """Evidence of these objects, of an engine that is as it should be unless something else is given."""
    parts = {
        "objects": {"start": copy.deepcopy(now) if start is None else start, "now": now},
        "probes": [probe(inside(), p["metadata"]["name"]) for p in now if is_engine(p)] if said is None else said,
        "api": asked() if api is None else api,
        "events": [],
        "stream": stream,
        "stream_before": stream_before,
        "plugins": plugins,
        "calls": calls or Calls(),
        "loads": loads,
        "volumes": volumes,
        **{name: getattr(after, name) for name in ("loaded", "requests", "metrics")},
        **{f"{name}_before": getattr(before, name) for name in ("loaded", "requests", "metrics")},
    }
    done = {part.collector for part in PARTS.values()} | {"logs", "answers"}
    write(folder, header(tuple(done), **known), parts, {}, answers or {})
    return Evidence(folder)
