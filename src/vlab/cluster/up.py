"""`vlab up`: brings a lab to the state where exercises can start, whatever state it was in."""

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import yaml
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from vlab import machine, paths, proc, ui
from vlab.build import store, targets
from vlab.build.pipeline import remove
from vlab.cluster import kind, nodes, storage
from vlab.cluster.containers import Container, Engine
from vlab.cluster.gpus import offer, offered, simulate
from vlab.cluster.kube import Kube, kube
from vlab.cluster.kubectl import kubectl_path
from vlab.cluster.lab import GPU, VALUES, Lab, Profile, find, new
from vlab.cluster.rights import refuse_missing
from vlab.errors import Exit, LabError
from vlab.locks import locked
from vlab.names import ProviderName
from vlab.serving import is_ready
from vlab.settings import NAMESPACE, SYSTEM
from vlab.values import read_values

NODES_READY_S = 180.0


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for, once a provider is chosen."""

    name: str
    provider: ProviderName
    engine: Engine | None
    profile: Profile
    workers: int
    context: str
    values: Path | None = None
    """A site's own values, laid over the profile's."""
    simulate_gpus: bool = False
    """On an existing cluster: offer GPUs that are none."""


def up(wanted: Wanted, steps: ui.Steps) -> Lab:
    """Make the lab, finish one that was interrupted, mend one that broke, or find it well.

    Raises:
        LabError: with what stood in the way.
    """
    folder = paths.labs() / wanted.name
    with locked(folder, f"bringing lab {wanted.name!r} up or down"):
        lab = find(wanted.name)
        if lab is not None:
            _refuse_change(lab, wanted)
        if wanted.values is not None:
            (folder / VALUES).write_text(yaml.safe_dump(read_values(wanted.values)))
        return _adopt(lab, wanted, steps) if wanted.provider == "context" else _ensure_cluster(lab, wanted, steps)


def _refuse_change(lab: Lab, wanted: Wanted) -> None:
    """A lab keeps what it was made with; changing it silently would lose the learner's work."""
    for what, has, asked in (
        ("provider", lab.provider, wanted.provider),
        ("profile", lab.profile, wanted.profile),
        ("number of workers", lab.workers, wanted.workers),
        ("context", lab.context, wanted.context),
    ):
        if has != asked:
            raise LabError(
                f"lab {lab.name!r} has {what} {has}, not {asked}",
                f"run `vlab down --name {lab.name}` first, or choose another --name",
            )


def _adopt(lab: Lab | None, wanted: Wanted, steps: ui.Steps) -> Lab:
    """An existing cluster, named on the command line: nothing is made in it before an exercise starts."""
    cluster = Kube(None, wanted.context)
    with steps.step(f"Ask the cluster of context {wanted.context}"):
        if not cluster.answers():
            raise LabError(
                f"the cluster of context {wanted.context!r} does not answer",
                "see `kubectl config get-contexts` for the contexts that you have",
                Exit.NO_LAB,
            )
    lab = lab or new(wanted.name, "context", None, wanted.profile, 0, wanted.context)
    refuse_missing(cluster)
    if wanted.simulate_gpus:
        with steps.step("Offer simulated GPUs") as line:
            simulate(cluster, lab, line.note)
    lab = lab.model_copy(update={"state": "ready"})
    lab.save()
    return lab


def _ensure_cluster(lab: Lab | None, wanted: Wanted, steps: ui.Steps) -> Lab:
    log = paths.logs() / f"{wanted.name}-up.log"
    if wanted.provider == "kind-built":
        machine.install_packages(steps, log)
    machine.prepare()
    engine = wanted.engine
    assert engine is not None  # noqa: S101 - both kind providers have one
    containers = engine.nodes(wanted.name)
    if lab is None or not kind.ours(lab, containers):
        kind.refuse_foreign(wanted.name, containers)
    if lab is not None and lab.state == "ready" and containers and _revive(lab, engine, containers, steps):
        return lab
    with targets.ready(wanted.provider, engine, steps) as images:
        if lab is not None and containers:
            with steps.step("Remove what is left of the cluster"):
                destroy(lab, images.kind, log)
        lab = new(wanted.name, wanted.provider, engine, wanted.profile, wanted.workers, wanted.context)
        _create(lab, images, steps, log)
        lab = lab.model_copy(update={"state": "ready"})
        lab.save()
    return lab


def _revive(lab: Lab, engine: Engine, containers: Sequence[Container], steps: ui.Steps) -> bool:
    """Whether the cluster works, or does again once its stopped nodes are started.

    A container that claims to run without a process cannot be started again: then the cluster is lost.
    """
    if any(c.claims_running and not c.running for c in containers):
        ui.say("the cluster's processes were killed from outside: it is made anew; your answers are kept")
        return False
    if stopped := [c.name for c in containers if not c.running]:
        with steps.step(f"Start {', '.join(stopped)} again"):
            engine.output("start", *stopped, timeout=120)
    with steps.step("Look at the cluster") as line:
        try:
            _wait_until_well(lab, line)
        except LabError as e:
            ui.say(f"the cluster does not come back ({e.message}): it is made anew; your answers are kept")
            return False
    return True


def destroy(lab: Lab, kind_path: Path, log: Path) -> None:
    """Remove the lab's containers and their folders."""
    kind.delete(lab, kind_path, log)
    remove(kind.nodes_folder(lab))


def _create(lab: Lab, images: targets.Images, steps: ui.Steps, log: Path) -> None:
    lab.save()
    lab.marker.write_text(lab.instance + "\n")
    with steps.step(f"Create the cluster: a control plane and {lab.workers} workers") as line:
        if images.store is not None:
            branch_store(lab, images.store)
        kind.create(lab, images.kind, images.node, images.store, log)
        line.note("waiting for the nodes")
        cluster = kube(lab)
        command: list[str | Path] = [
            kubectl_path(),
            "--kubeconfig",
            lab.kubeconfig,
            "config",
            "set-context",
            lab.context,
        ]
        proc.output([*command, f"--namespace={NAMESPACE}"])
        if images.archive is not None:
            kind.load(lab, images.kind, images.archive, log)
        _wait_for_api(cluster)
        offer(cluster, lab, images.tools, {f"{GPU}.present": "true"})
        storage.share(cluster)
        _wait_until_well(lab, line)
        nodes.record(lab, cluster.items("nodes"))


def _wait_for_api(cluster: Kube) -> None:
    """kind returns as soon as the API server runs, which may be a moment before it serves every group."""
    looks = Retrying(
        retry=retry_if_result(lambda ok: not ok), stop=stop_after_delay(NODES_READY_S), wait=wait_fixed(0.2)
    )
    with suppress(RetryError):
        looks(cluster.answers)


def branch_store(lab: Lab, golden: Path) -> None:
    """Give every node of the lab a containerd folder of its own on the golden store."""
    folder = kind.nodes_folder(lab)
    remove(folder)
    folder.mkdir(parents=True)
    (folder / targets.GOLDEN).symlink_to(golden)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda i: store.branch(golden, folder / str(i)), range(lab.workers + 1)))


def problems(lab: Lab) -> list[str]:
    """What keeps the cluster from being ready for an exercise, each in a few words."""
    cluster = kube(lab)
    if not cluster.answers():
        return ["the API server does not answer"]
    every = cluster.items("nodes")
    found = [f"{n['metadata']['name']} is not Ready" for n in every if not is_ready(n)]
    workers = [n for n in every if "node-role.kubernetes.io/control-plane" not in n["metadata"]["labels"]]
    if lab.provider != "context":
        if len(workers) < lab.workers:
            found.append(f"{lab.workers - len(workers)} workers have not joined")
        found += [f"{n['metadata']['name']} offers no GPU" for n in workers if not offered(n)]
        found += _unfinished(cluster)
    return found


def _unfinished(cluster: Kube) -> list[str]:
    """Parts of the cluster itself that are not up: without kube-proxy's rules a ClusterIP leads nowhere."""
    found = []
    for workload in cluster.items("daemonsets,deployments"):
        if workload["metadata"]["namespace"] in ("kube-system", "local-path-storage", SYSTEM):
            status = workload["status"]
            wanted = status.get("desiredNumberScheduled", workload["spec"].get("replicas", 1))
            ready = status.get("numberReady", status.get("readyReplicas", 0)) or 0
            if ready < wanted:
                found.append(f"{workload['metadata']['name']}: {ready} of {wanted} ready")
    return found


def _wait_until_well(lab: Lab, line: ui.Step) -> None:
    def look() -> list[str]:
        try:
            found = problems(lab)
        except LabError as e:
            found = [e.message]
        line.note(found[0] if found else "")
        return found

    try:
        Retrying(retry=retry_if_result(bool), stop=stop_after_delay(NODES_READY_S), wait=wait_fixed(0.5))(look)
    except RetryError as e:
        raise LabError(
            f"the cluster is not ready after {NODES_READY_S:.0f} s: {'; '.join(e.last_attempt.result())}",
            f"see `vlab kubectl get pods -A`; `vlab down --name {lab.name}` and `vlab up` make it anew",
            Exit.BUILD,
        ) from None


def forget(lab: Lab) -> None:
    """Remove the lab's record; the learners' runs beside it stay."""
    for name in ("lab.json", VALUES, "kubeconfig", "kind.yaml", "instance", "nodes.json"):
        (lab.folder / name).unlink(missing_ok=True)
    if not any(p for p in lab.folder.iterdir() if p.name != ".lock"):
        shutil.rmtree(lab.folder)
