"""Recorded runs with one fact changed: wrong in one way only, as no mending on a cluster is, so that each must be seen.

A canned server has another command, other processes and no counters; whichever of these a grader overlooks, the others
give it away. Here each stands alone. So do what must not matter, and what leaves doubt: a node that is away.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from vlab.catalog import Exercise
from vlab.evidence import Evidence
from vlab.evidence.files import Contents
from vlab.evidence.metrics import PREEMPTIONS, WAITING
from vlab.grading import checks_in
from vlab.model import CheckResult, Verdict
from vlab.phases import fails, passes
from vlab.settings import ENGINE_CORE, GPU, SERVICE

Object = dict[str, Any]

PASS, ERROR = Verdict.PASS, Verdict.ERROR


class Facts:
    """What was recorded, to be changed."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self.objects: Object = json.loads(evidence.contents.files["objects.json"])
        self.header: Object = json.loads(evidence.contents.files["evidence.json"])
        self.api, self.stream, self.loaded, self.calls = (
            json.loads(evidence.contents.files.get(f"{name}.json", "{}")) for name in ("api", "stream", "load", "calls")
        )
        self.probes, self.plugins, self.volumes = (
            json.loads(evidence.contents.files.get(f"{name}.json", "[]")) for name in ("probes", "plugins", "volumes")
        )
        self.texts: dict[str, str] = {
            name: raw.decode() for name, raw in evidence.contents.files.items() if name.startswith("answers/")
        }
        self.lines: dict[str, list[Object]] = {
            name: [json.loads(line) for line in raw.splitlines()]
            for name, raw in evidence.contents.files.items()
            if name.endswith(".jsonl")
        }

    @cached_property
    def pods(self) -> list[Object]:
        """Those that were asked."""
        asked = self.api["counters"].keys()
        return [o for o in self.objects["now"] if o["kind"] == "Pod" and o["metadata"]["name"] in asked]

    @property
    def containers(self) -> Iterator[Object]:
        """Of those pods, as their specs have them."""
        return (c for pod in self.pods for c in pod["spec"]["containers"])

    def answers(self, **fields: Any) -> None:
        """Change every answer."""
        for answer in self.api["answers"]:
            answer.update(fields)

    def inside(self, change: Callable[[Object], None]) -> None:
        """Change what every container said of itself."""
        for probe in (p for p in self.probes if p["name"] == "inside" and p["exit_code"] == 0):
            said = json.loads(probe["stdout"])
            change(said)
            probe["stdout"] = json.dumps(said)

    def told(self, name: str, value: Callable[[str], str] | str) -> None:
        """Change what notes have behind a name."""
        line = re.compile(rf"^- {re.escape(name)}: (.*)$", re.MULTILINE)

        def instead(found: re.Match[str]) -> str:
            return f"- {name}: {value if isinstance(value, str) else value(found[1])}"

        self.texts = {file: line.sub(instead, text) for file, text in self.texts.items()}

    def evidence(self) -> Evidence:
        """What was recorded, as changed."""
        every: dict[str, Any] = {"objects": self.objects, "evidence": self.header, "api": self.api}
        every |= {"probes": self.probes, "stream": self.stream, "load": self.loaded, "calls": self.calls}
        every |= {"plugins": self.plugins, "volumes": self.volumes}
        files = dict(self._evidence.contents.files)
        files |= {f"{name}.json": json.dumps(c).encode() for name, c in every.items() if f"{name}.json" in files or c}
        files |= {name: text.encode() for name, text in self.texts.items()}
        files |= {name: "\n".join(map(json.dumps, lines)).encode() for name, lines in self.lines.items()}
        return Evidence(self._evidence.path, Contents(files))


@dataclass(frozen=True)
class Altered:
    """A recorded run with one change, and what must become of it."""

    name: str
    of: str
    """The phase that was recorded."""
    check: str
    """The one that it is about."""
    change: Callable[[Facts], None]
    verdict: Verdict = Verdict.FAIL
    """What must come of that check; if it is to pass, all must."""

    def made(self, evidence: Evidence) -> Evidence:
        """The run, changed."""
        facts = Facts(evidence)
        self.change(facts)
        return facts.evidence()

    def holds(self, checks: Sequence[CheckResult]) -> bool:
        """Whether it was judged as it must be."""
        if self.verdict is Verdict.FAIL:
            return fails(self.check, checks)
        if self.verdict is Verdict.PASS:
            return passes(checks)
        return any(c.id == self.check and c.verdict is self.verdict for c in checks)


def altered(scenario: Exercise) -> tuple[Altered, ...]:
    """Those that can be made of a scenario's recorded runs."""
    ids = {each.id for each in checks_in(*scenario.graders)}
    return tuple(a for a in ALTERED if a.of in scenario.recorded and a.check in ids)


def _renamed_processes(said: Object) -> None:
    for process in said["processes"]:
        process["name"] = process["name"].replace(ENGINE_CORE, "python3")


def _other_command(said: Object) -> None:
    for process in said["processes"]:
        if process["pid"] in said["listeners"].values():
            process["command"] = ["python3", "server.py"]


def _script(said: Object) -> None:
    for process in said["processes"]:
        if process["pid"] in said["listeners"].values():
            process["command"] = ["python3", "-c", "import vllm"]


def _nobody_listens(said: Object) -> None:
    said["listeners"] = dict.fromkeys(said["listeners"], 0)


def _no_workers(said: Object) -> None:
    for process in said["processes"]:
        process["name"] = process["name"].replace("VLLM::Worker", "python3")


def _no_gpu_where_one_process_does_all(facts: Facts) -> None:
    facts.inside(_no_workers)
    for container in facts.containers:
        for part in container.get("resources", {}).values():
            part.pop(GPU, None)


def _only_direct_counted(facts: Facts) -> None:
    """What came through the Service was answered by somebody else."""
    for pod, counters in facts.api["counters"].items():
        direct = [a for a in facts.api["answers"] if a["pod"] == pod]
        for name, before in counters["before"].items():
            tokens = {"vllm:generation_tokens_total": "output_tokens", "vllm:prompt_tokens_total": "prompt_tokens"}
            risen = sum(a[tokens[name]] for a in direct) if name in tokens else len(direct)
            counters["after"][name] = before + risen


def _one_counted_for_all(facts: Facts) -> None:
    """One of two replicas answers by itself, the other one's counters rise for both."""
    first, second = facts.api["counters"].values()
    for name, before in first["before"].items():
        second["after"][name] += first["after"][name] - before
        first["after"][name] = before


def _counters_flat(facts: Facts) -> None:
    for counters in facts.api["counters"].values():
        counters["after"] = counters["before"]


def _probe_that_asks_nothing(facts: Facts) -> None:
    for container in facts.containers:
        container["readinessProbe"] = {"exec": {"command": ["true"]}}


def _host_ipc(facts: Facts) -> None:
    for pod in facts.pods:
        pod["spec"]["hostIPC"] = True


def _shm_from(source: Object) -> Callable[[Facts], None]:
    def change(facts: Facts) -> None:
        for pod in facts.pods:
            pod["spec"].setdefault("volumes", []).append({"name": "altered", **source})
        for container in facts.containers:
            kept = [m for m in container.get("volumeMounts", ()) if m["mountPath"] != "/dev/shm"]  # noqa: S108
            container["volumeMounts"] = [*kept, {"name": "altered", "mountPath": "/dev/shm"}]  # noqa: S108

    return change


def _named_its_node(facts: Facts) -> None:
    for pod in facts.pods:
        pod["metadata"].setdefault("annotations", {})["vlab.dev/named-its-node"] = "true"


def _stranger_behind(facts: Facts) -> None:
    """Beside the pods somebody else's address stands behind the Service."""
    for each in facts.objects["now"]:
        if each["kind"] == "EndpointSlice" and each["metadata"]["labels"].get("kubernetes.io/service-name") == SERVICE:
            each["endpoints"].append({"addresses": ["203.0.113.7"], "conditions": {"ready": True}})


def _another_pod(facts: Facts, *parts: str, phase: str = "Running", gpu: bool = True) -> None:
    """One more pod, in a namespace of no exercise."""
    pod = json.loads(json.dumps(facts.pods[0]))
    pod["metadata"] |= {"name": "altered", "uid": "altered", "namespace": "elsewhere", "ownerReferences": []}
    pod["status"] = {"phase": phase}
    for container in pod["spec"]["containers"] if not gpu else ():
        container.pop("resources", None)
    for part in parts or ("now",):
        facts.objects[part].append(pod)


def _on_a_context(facts: Facts) -> None:
    """It is a cluster that others use, too."""
    facts.header["cluster"]["provider"] = "context"


def _another_pod_on_a_context(facts: Facts) -> None:
    _on_a_context(facts)
    _another_pod(facts)


def _neighbours(facts: Facts, kind: str) -> list[Object]:
    """What there is now of a kind in namespaces of others."""
    theirs = {
        o["metadata"]["name"]
        for o in facts.objects["start"]
        if o["kind"] == "Namespace"
        and o["metadata"].get("labels", {}).get("owner") not in (None, facts.header["learner"])
    }
    return [o for o in facts.objects["now"] if o["kind"] == kind and o["metadata"].get("namespace") in theirs]


def _neighbour_changed(facts: Facts) -> None:
    for each in _neighbours(facts, "Deployment"):
        each["spec"]["replicas"] += 1


def _neighbour_stopped(facts: Facts) -> None:
    facts.objects["now"].remove(_neighbours(facts, "Pod")[0])


def _neighbour_lost_with_its_node(facts: Facts) -> None:
    name = _neighbours(facts, "Pod")[0]["spec"]["nodeName"]
    _neighbour_stopped(facts)
    for node in facts.objects["now"]:
        if node["kind"] == "Node" and node["metadata"]["name"] == name:
            node["status"]["conditions"] = [{"type": "Ready", "status": "False"}]


def _one_refused(facts: Facts) -> None:
    facts.lines["requests.jsonl"][0] |= {"error": "http_503", "status": 503}


def _sampled(facts: Facts, file: str, name: str, values: Callable[[int], float]) -> None:
    """Change what every sample of a file says of a metric."""
    for number, sample in enumerate(facts.lines[file]):
        keys = [k for k in sample["samples"] if k.partition("{")[0] == name]
        sample["samples"] |= {key: values(number) for key in keys}


def _queues(facts: Facts) -> None:
    _sampled(facts, "metrics.jsonl", WAITING, lambda _: 200.0)


def _preempted_before(times: int) -> Callable[[Facts], None]:
    """At the start so many requests lost their place."""
    return lambda facts: _sampled(facts, "before-metrics.jsonl", PREEMPTIONS, lambda n: float(min(n, times)))


def _of_the_edge(facts: Facts, kind: str) -> list[Object]:
    """The objects in the middle of the way through the edge: its Service, or that one's endpoints."""
    name, label = "edge", "kubernetes.io/service-name"
    every = [o for o in facts.objects["now"] if o["kind"] == kind]
    return [o for o in every if name in (o["metadata"]["name"], o["metadata"].get("labels", {}).get(label))]


def _edge_gone(facts: Facts) -> None:
    (service,) = _of_the_edge(facts, "Service")
    facts.objects["now"].remove(service)


def _stranger_behind_the_edge(facts: Facts) -> None:
    (ends,) = _of_the_edge(facts, "EndpointSlice")
    ends["endpoints"].append({"addresses": ["192.0.2.9"], "conditions": {"ready": True}})


def _past_an_idle_nginx(facts: Facts) -> None:
    """nginx is in the pod that the edge leads to, and the engine listens where it leads."""
    (ends,) = _of_the_edge(facts, "EndpointSlice")
    pod = facts.pods[0]
    target = {"kind": "Pod", "name": pod["metadata"]["name"]}
    ends["endpoints"] = [{"addresses": [pod["status"]["podIP"]], "conditions": {"ready": True}, "targetRef": target}]
    edge = next(o for o in facts.objects["start"] if o["kind"] == "Deployment" and o["metadata"]["name"] == "edge")
    pod["spec"]["containers"] += edge["spec"]["template"]["spec"]["containers"]


def _late_through_the_edge(facts: Facts) -> None:
    edge = facts.stream["edge"]
    edge["chunks"] = [edge["seconds"]] * len(edge["chunks"])


def _more(value: str) -> str:
    """A number that is one more."""
    return f"{float(value) + 1:g}"


def _half(value: str) -> str:
    return f"{float(value) / 2:.3f}"


def _telling(name: str, value: Callable[[str], str] | str) -> Callable[[Facts], None]:
    return lambda facts: facts.told(name, value)


def _no_gpus(told: str, *, labelled: bool = False, plugins: Sequence[int] = ()) -> Callable[[Facts], None]:
    """No node offers one, and the note names a layer. `plugins`: how many pods each DaemonSet is to have."""

    def change(facts: Facts) -> None:
        for part in facts.objects.values():
            for node in (o for o in part if o["kind"] == "Node"):
                for offered in (node["status"]["capacity"], node["status"]["allocatable"]):
                    offered.pop(GPU, None)
                node["metadata"]["labels"] = {"nvidia.com/gpu.present": "true"} if labelled else {}
        facts.plugins = [{"namespace": "o", "name": f"nvidia-{n}", "wanted": n, "ready": 0} for n in plugins]
        facts.texts = {"answers/gpu-scheduling.md": f"- layer that is missing: {told}\n"}

    return change


def _larger_node(facts: Facts) -> None:
    """One node has had four from the start, and the note has the numbers of before."""
    for part in facts.objects.values():
        node = next(o for o in part if o["kind"] == "Node" and GPU in o["status"]["allocatable"])
        for offered in (node["status"]["capacity"], node["status"]["allocatable"]):
            offered[GPU] = "4"


def _larger_node_noted(facts: Facts) -> None:
    _larger_node(facts)
    facts.told("GPUs in all", lambda value: f"{float(value) + 3:g}")
    facts.told("most GPUs for one pod", "4")


def _called(name: str, status: int | None) -> Callable[[Facts], None]:
    """One question was answered otherwise; None: not at all."""
    return lambda facts: facts.calls["answers"][name].update(status=status)


def _same_lesson_thrice(facts: Facts) -> None:
    words = "The Deployment is watched with vllm:num_requests_waiting and tuned with --max-num-seqs."
    facts.texts = {"answers/lessons.md": "".join(f"## {h}\n{words}\n" for h in ("Deployment", "Metric", "Tuning"))}


def _lesson_without_a_thing(heading: str) -> Callable[[Facts], None]:
    """Under one heading stands something that could be said of anything."""

    def change(facts: Facts) -> None:
        words = f"## {heading}\n\nOne has to think of it before, and then it goes well.\n\n"
        facts.texts = {n: re.sub(rf"## {heading}\n[^#]*", words, text) for n, text in facts.texts.items()}

    return change


def _one_failed(facts: Facts) -> None:
    facts.lines["loads.jsonl"][-1]["requests"][0]["error"] = "http_503"


def _pod_elsewhere(
    phase: str = "Running", *, gpu: bool = True, before: bool = False, provider: str = "kind-built"
) -> Callable[[Facts], None]:
    """A pod in a namespace of no exercise, beside one that was cleaned up."""

    def change(facts: Facts) -> None:
        resources = {"limits": {GPU: "1"}} if gpu else {}
        metadata = {"name": "altered", "namespace": "elsewhere", "uid": "altered"}
        spec = {"containers": [{"name": "idle", "resources": resources}]}
        pod = {"kind": "Pod", "metadata": metadata, "spec": spec, "status": {"phase": phase}}
        for part in ("start", "now") if before else ("now",):
            facts.objects[part].append(pod)
        facts.header["cluster"]["provider"] = provider

    return change


OF_TASKS = (
    Altered("pod-elsewhere", "solved", "nothing-held", _pod_elsewhere()),
    Altered("pod-that-waits", "solved", "nothing-held", _pod_elsewhere("Pending")),
    Altered("pod-that-ended", "solved", "nothing-held", _pod_elsewhere("Failed"), PASS),
    Altered("pod-that-is-done", "solved", "nothing-held", _pod_elsewhere("Succeeded"), PASS),
    Altered("pod-without-a-gpu", "solved", "nothing-held", _pod_elsewhere(gpu=False), PASS),
    Altered("pod-of-before", "solved", "nothing-held", _pod_elsewhere(before=True), PASS),
    Altered("pod-of-others", "solved", "nothing-held", _pod_elsewhere(provider="context"), PASS),
    Altered("one-node-more", "solved", "gpus-noted", _telling("nodes with a GPU", _more)),
    Altered("one-gpu-more", "solved", "gpus-noted", _telling("GPUs in all", _more)),
    Altered("one-more-for-a-pod", "solved", "gpus-noted", _telling("most GPUs for one pod", _more)),
    Altered("a-larger-node", "solved", "gpus-noted", _larger_node),
    Altered("a-larger-node-noted", "solved", "gpus-noted", _larger_node_noted, PASS),
    Altered("no-gpus-nothing-noted", "solved", "gpus-noted", _no_gpus("")),
    Altered("no-gpus-two-layers", "solved", "gpus-noted", _no_gpus("capacity or operator")),
    Altered("no-gpus-capacity", "solved", "gpus-noted", _no_gpus("capacity"), PASS),
    Altered("no-gpus-no-operator", "solved", "gpus-noted", _no_gpus("the operator"), PASS),
    Altered("no-gpus-but-a-plugin-is-meant", "solved", "gpus-noted", _no_gpus("capacity", plugins=(0, 3))),
    Altered("no-gpus-plugin-broken", "solved", "gpus-noted", _no_gpus("device plugin", plugins=(0, 3)), PASS),
    Altered("no-gpus-plugin-idle", "solved", "gpus-noted", _no_gpus("capacity", plugins=(0,)), PASS),
    Altered("no-gpus-operator-idle", "solved", "gpus-noted", _no_gpus("operator", plugins=(0,))),
    Altered("no-gpus-hardware", "solved", "gpus-noted", _no_gpus("operator", labelled=True), PASS),
    Altered("no-gpus-hardware-denied", "solved", "gpus-noted", _no_gpus("capacity", labelled=True)),
    Altered("no-gpus-plugin-elsewhere", "solved", "gpus-noted", _no_gpus("operator", labelled=True, plugins=(0,))),
    Altered("another-claim", "solved", "mounts-noted", _telling("claim behind it", "model-cache")),
    Altered("another-path", "solved", "mounts-noted", _telling("cache is mounted at", "/data")),
    Altered("no-path", "solved", "mounts-noted", _telling("cache is mounted at", "in the container")),
    Altered("another-size", "solved", "mounts-noted", _telling("MiB of /dev/shm", _half)),
    Altered("models-open", "solved", "guarded", _called("models without key", 200)),
    Altered("completions-open", "solved", "guarded", _called("completion without key", 200)),
    Altered("models-closed", "solved", "guarded", _called("models", 401)),
    Altered("metrics-closed", "solved", "guarded", _called("metrics without key", 401)),
    Altered("health-not-heard", "solved", "guarded", _called("health without key", None), ERROR),
    Altered("chat-fails", "solved", "statuses-noted", _called("chat", 500)),
    Altered("stream-without-an-end", "solved", "statuses-noted", lambda f: f.calls.update(done=False)),
    Altered("end-not-seen", "solved", "statuses-noted", _telling("last line of the stream", "data: {}")),
    Altered("other-blocks", "solved", "prefix-measured", _telling("block size", _half)),
    Altered(
        "short-beginning-hit", "solved", "prefix-measured", _telling("tokens that hit after a short beginning", "16")
    ),
    Altered("too-short-a-prompt", "solved", "prefix-measured", _telling("tokens of the long prompt", "20")),
    Altered("never-counted", "solved", "prefix-measured", lambda f: f.calls.update(hits_before=0.0)),
    Altered("nothing-found", "solved", "prefix-measured", lambda f: f.calls["long"].update(hits=0.0)),
    Altered("half-found", "solved", "prefix-measured", lambda f: f.calls["long"].update(hits=16.0), ERROR),
    Altered("short-found", "solved", "prefix-measured", lambda f: f.calls["short"].update(hits=16.0), ERROR),
    Altered("blocks-not-told", "solved", "prefix-measured", lambda f: f.calls.update(block_size=None), ERROR),
    Altered("load-failed", "solved", "load-sent", _one_failed),
    Altered("too-many-noted", "solved", "figures-agree", _telling("requests", "12")),
    Altered("throughput-halved", "solved", "figures-agree", _telling("requests per second", _half)),
    Altered("elapsed-halved", "solved", "figures-agree", _telling("elapsed seconds", _half)),
    Altered("mean-halved", "solved", "figures-agree", _telling("mean latency seconds", _half)),
    Altered("goodput-halved", "solved", "goodput-right", _telling("goodput per second", _half)),
    Altered("no-objective", "solved", "goodput-right", _telling("objective seconds", "0")),
    Altered("same-lesson-thrice", "solved", "lessons-noted", _same_lesson_thrice),
    *(
        Altered(f"no-{h.lower()}-lesson", "solved", "lessons-noted", _lesson_without_a_thing(h))
        for h in ("Deployment", "Metric", "Tuning")
    ),
)
"""Notes of tasks with one line told otherwise, and APIs that say one thing otherwise."""

ALTERED = (
    *OF_TASKS,
    Altered("refused", "solved", "real-engine", lambda f: f.answers(error="refused", status=None)),
    Altered("cut", "solved", "real-engine", lambda f: f.answers(error="cut")),
    Altered("status-500", "solved", "real-engine", lambda f: f.answers(status=500)),
    Altered("other-image", "solved", "real-engine", lambda f: f.api.update(image_id="sha256:other")),
    Altered("nobody-listens", "solved", "real-engine", lambda f: f.inside(_nobody_listens)),
    Altered("other-command", "solved", "real-engine", lambda f: f.inside(_other_command)),
    Altered("script-that-says-vllm", "solved", "real-engine", lambda f: f.inside(_script)),
    Altered("no-core", "solved", "real-engine", lambda f: f.inside(_renamed_processes)),
    Altered("counters-flat", "solved", "real-engine", _counters_flat),
    Altered("only-direct-counted", "solved", "real-engine", _only_direct_counted),
    Altered("one-counted-for-all", "also-two-replicas", "real-engine", _one_counted_for_all),
    Altered("models-refused", "solved", "same-model", lambda f: f.api["models"].update(status=500)),
    Altered("no-tokens-told", "solved", "same-model", lambda f: f.api.update(gaps=[])),
    Altered("answers-cut-short", "solved", "model-answers", lambda f: f.answers(output_tokens=4)),
    Altered("answers-without-text", "solved", "model-answers", lambda f: f.answers(text="")),
    Altered("no-gpu-and-one-process", "solved", "gpu-held", _no_gpu_where_one_process_does_all),
    Altered("probe-that-asks-nothing", "solved", "health-checked", _probe_that_asks_nothing),
    Altered("host-ipc", "solved", "shm-kept", _host_ipc),
    Altered("shm-on-a-claim", "solved", "shm-kept", _shm_from({"persistentVolumeClaim": {"claimName": "c"}})),
    Altered("named-its-node", "also-bare-pod", "placed-by-scheduler", _named_its_node),
    Altered("stranger-behind", "solved", "service-kept", _stranger_behind),
    Altered("cordoned-on-a-context", "wrong-cordon-others", "nodes-untouched", _on_a_context, ERROR),
    Altered("leak-elsewhere", "solved", "leak-released", _another_pod),
    Altered("finished", "solved", "leak-released", partial(_another_pod, phase="Succeeded"), PASS),
    Altered("without-gpu", "solved", "leak-released", partial(_another_pod, gpu=False), PASS),
    Altered("there-before", "solved", "leak-released", lambda f: _another_pod(f, "start", "now"), PASS),
    Altered("others-on-a-context", "solved", "leak-released", _another_pod_on_a_context, PASS),
    Altered("one-refused", "solved", "all-served", _one_refused),
    Altered("queues", "solved", "queue-drains", _queues),
    Altered("preempted-enough-before", "solved", "preemptions-gone", _preempted_before(4), PASS),
    Altered("hardly-preempted-before", "solved", "preemptions-gone", _preempted_before(3), ERROR),
    Altered("edge-gone", "solved", "edge-kept", _edge_gone),
    Altered("stranger-behind-the-edge", "solved", "edge-kept", _stranger_behind_the_edge),
    Altered("past-an-idle-nginx", "solved", "edge-kept", _past_an_idle_nginx),
    Altered("stream-cut-short", "solved", "stream-whole", lambda f: f.stream["edge"].update(done=False)),
    Altered("stream-of-fewer-events", "solved", "stream-whole", lambda f: f.stream["edge"].update(events=20)),
    Altered("no-stream-at-all", "solved", "stream-whole", lambda f: f.stream["edge"].update(headers={})),
    Altered("slow-through-the-edge", "solved", "tokens-flow", lambda f: f.stream["edge"].update(seconds=60.0)),
    Altered("bad-gateway", "solved", "tokens-flow", lambda f: f.stream["edge"].update(status=502)),
    Altered("edge-cut", "solved", "tokens-flow", lambda f: f.stream["edge"].update(error="cut")),
    Altered("edge-not-asked", "solved", "tokens-flow", lambda f: f.stream.update(edge=None), ERROR),
    Altered("late-through-the-edge", "solved", "tokens-flow", _late_through_the_edge),
    Altered("another-load", "solved", "preemptions-gone", lambda f: f.loaded.update(workload="other"), ERROR),
    Altered("another-way", "solved", "chat-first-token", lambda f: f.loaded.update(via="forward"), ERROR),
    Altered("neighbour-changed", "solved", "neighbour-untouched", _neighbour_changed),
    Altered("neighbour-stopped", "solved", "neighbour-untouched", _neighbour_stopped),
    Altered("neighbour-lost", "solved", "neighbour-untouched", _neighbour_lost_with_its_node, ERROR),
)
