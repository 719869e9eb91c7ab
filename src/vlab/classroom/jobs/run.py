"""A round in Jobs: makes what it needs, waits, and fetches each result as it comes; it goes on without this machine."""

import base64
import io
import math
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

import pydantic
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from vlab import render, runs, ui
from vlab.catalog import Exercise
from vlab.classroom import objects, trust
from vlab.classroom.jobs import parcel
from vlab.classroom.jobs.pod import OUTCOME, RESULTS, Came
from vlab.classroom.manage import lab_of
from vlab.classroom.many import Note, Outcome
from vlab.classroom.model import Class, Learner
from vlab.classroom.results import REPORT, Attempt
from vlab.classroom.rounds import Order
from vlab.cluster import witness
from vlab.cluster.kube import Kube, Object, kube
from vlab.cluster.lab import Lab
from vlab.cluster.refusals import ApiError, NoAnswer
from vlab.deployment import kept
from vlab.errors import Exit, LabError
from vlab.evidence import seal
from vlab.model import Report
from vlab.runs import Run
from vlab.serving import holds

GRADER, VOLUME = "grader", "gradings"
_ROUND = "vlab.dev/round"
_LOOK_S = 1.0
_STARTS_S = 600.0
"""So long nothing may run: an image is pulled, a volume is made."""
_BESIDE_S = 300.0
"""What a grading takes at most besides waiting for the deployment to settle."""
_READ_S = 120.0
_RESULT_BYTES = 48 << 20
_AGAIN = "the same command again grades who is left"

_BOOT = """
import io, pathlib, runpy, sys, zipfile
for name in ("code", "round"):
    parts = sorted(pathlib.Path("/given").glob(name + ".*"))
    zipfile.ZipFile(io.BytesIO(b"".join(part.read_bytes() for part in parts))).extractall("/work/" + name)
sys.path.insert(0, "/work/code")
runpy.run_module("vlab.classroom.jobs.pod", run_name="__main__")
"""
_LIST = "import os, sys; print('\\n'.join(os.listdir(sys.argv[1])) if os.path.isdir(sys.argv[1]) else '')"
_SEND = "import base64, sys; print(base64.b64encode(open(sys.argv[1], 'rb').read()).decode())"


@dataclass(frozen=True)
class _Work:
    """Grading an exercise in a class's corner of its cluster."""

    of: Class
    lab: Lab
    cluster: Kube
    exercise: Exercise
    keep: Callable[[Outcome, Path | None], None]
    """Remembers what came of it for a learner, and the folder of the grading."""

    @property
    def job(self) -> str:
        """The Job's name."""
        return f"grade-{self.exercise.id}"

    @property
    def key(self) -> str:
        """The name of the Secret with the teacher's key: the Job's own, so that no other round takes it away."""
        return f"{self.job}-key"

    @property
    def while_it_lasts(self) -> dict[str, str]:
        """The labels of what this round's pods are given, and no other's."""
        return {"app": GRADER, "job": self.job}

    def put(self, *made: Object) -> None:
        """Make what is not there yet."""
        for each in render.labelled(list(made), objects.labels(self.of, self.lab)):
            try:
                self.cluster.create(each)
            except ApiError as e:
                if e.status != HTTPStatus.CONFLICT:
                    raise

    def read(self, program: str, path: str, limit: int) -> str:
        """What a line of Python says of a path on the volume.

        Raises:
            NoAnswer: it cannot be read, or not yet.
        """
        command = ["python3", "-c", program, path]
        ran = self.cluster.run(self.of.system, VOLUME, VOLUME, command, timeout=_READ_S, limit=limit)
        if ran.code != 0:
            said = (ran.stderr.strip().splitlines() or ["it was cut off"])[-1]
            raise NoAnswer(f"{path} cannot be read from volume {VOLUME}: {said[:200]}")
        return ran.stdout


def grade(order: Order, steps: ui.Steps) -> list[Outcome]:
    """Grade on the class's own cluster; as `rounds.grade` otherwise.

    Interrupted here it goes on there: the same call again fetches what has come, and grades who is left.

    Raises:
        LabError: the cluster cannot be reached, one may not make what graders need there, or none of them starts.
    """
    of, exercise = order.of, order.exercise
    lab = lab_of(of)
    begun = order.begin()
    found: dict[str, Outcome] = {}

    def keep(came: Outcome, folder: Path | None) -> None:
        found[came.learner.slug] = came
        if folder is not None:
            begun.graded[came.learner.slug] = str(folder)
        begun.keep(of, came)

    work = _Work(of, lab, kube(lab), exercise, keep)
    if order.anew:
        _clear(work)
    elif (job := work.cluster.find("jobs", work.job, of.system)) is not None:
        _finish(work, _given(work, job), steps)
    if ready := _ready(work, begun.left(order.learners)):
        with steps.step(f"Send {exercise.id} of {len(ready)} learners to graders on the cluster") as line:
            given = _send(work, ready, order, line.note)
        _finish(work, given, steps)
    begun.end(of)
    return [found[each.slug] for each in order.learners if each.slug in found]


def _ready(work: _Work, learners: Iterable[Learner]) -> list[tuple[Learner, Run]]:
    """Those whose run can be sent; of the others it is kept why not."""
    ready = []
    for each in learners:
        try:
            ready.append((each, runs.load(work.lab, work.exercise, each.slug)))
        except LabError as e:
            work.keep(Outcome(each, False, e.message, e.hint), None)
    return ready


def _send(work: _Work, ready: Sequence[tuple[Learner, Run]], order: Order, note: Note) -> parcel.Round:
    """Make the Job, with all that its pods need."""
    of, lab = work.of, work.lab
    values = kept(ready[0][1]).values
    witness.ensure(work.cluster, lab, values, note=note)
    pod = {"system": of.system, **witness.as_engine(values["server"])}
    note("accounts and volume")
    work.put(*render.manifest("class-grading", **pod, witness=witness.namespace_of(lab)))
    work.put(*(_inside(of, learner) for learner, _ in ready))
    given = parcel.Round(
        id=uuid4().hex[:12],
        lab=lab.name,
        exercise=work.exercise.id,
        learners=tuple(learner.slug for learner, _ in ready),
        patience=order.patience,
    )
    note("sending this vlab, and what is known of the runs")
    code = parcel.code()
    names = _put_archive(work, "code", f"{GRADER}-{parcel.digest(code)}", code, {"app": GRADER})
    runs_of_it = parcel.of_round(given, lab, [run for _, run in ready])
    names += _put_archive(work, "round", f"{work.job}-{given.id}", runs_of_it, work.while_it_lasts)
    key = seal.own_key_file()
    metadata = {"name": work.key, "namespace": of.system, "labels": work.while_it_lasts}
    data = {key.name: base64.b64encode(key.read_bytes()).decode()}
    work.put({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
    made = render.manifest(
        "class-grading-job",
        **pod,
        job=work.job,
        round=given.model_dump_json(),
        completions=len(ready),
        parallel=order.at_once,
        deadline=round(math.ceil(len(ready) / order.at_once) * (order.patience + _BESIDE_S) + _STARTS_S),
        given=names,
        key=work.key,
        boot=_BOOT,
    )
    work.put(*made)
    return given


def _inside(of: Class, learner: Learner) -> Object:
    """The grader may run commands in the containers of a learner's namespace, as evidence needs them."""
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"{of.system}-grader-inside"}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": GRADER, "namespace": of.namespace(learner)},
        "roleRef": role,
        "subjects": [{"kind": "ServiceAccount", "name": GRADER, "namespace": of.system}],
    }


def _put_archive(work: _Work, kind: str, name: str, archive: bytes, labels: Mapping[str, str]) -> list[str]:
    """Make the ConfigMaps with an archive, and return their names; in a pod each piece is the file KIND.NUMBER."""
    names = []
    for number, piece in enumerate(parcel.pieces(archive)):
        names.append(f"{name}-{number}")
        metadata = {"name": names[-1], "namespace": work.of.system, "labels": dict(labels)}
        data = {f"{kind}.{number:03}": base64.b64encode(piece).decode()}
        work.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "immutable": True, "binaryData": data})
    return names


def _given(work: _Work, job: Object) -> parcel.Round:
    """What a Job was told to do.

    Raises:
        LabError: this vlab did not make it.
    """
    try:
        return parcel.Round.model_validate_json(job["metadata"].get("annotations", {}).get(_ROUND, ""))
    except pydantic.ValidationError:
        space = work.of.system
        hint = f"remove it: `vlab kubectl delete job {work.job} --namespace {space}`"
        raise LabError(f"Job {work.job} in namespace {space} is not of this vlab", hint, Exit.NOT_OURS) from None


def _finish(work: _Work, given: parcel.Round, steps: ui.Steps) -> None:
    """Fetch each result as it comes until the Job has ended, and take the Job away."""
    learners = {each.slug: each for each in work.of.learners}
    missing = dict.fromkeys(given.learners)
    with steps.step(f"Grade {work.exercise.id} of {len(missing)} learners on the cluster") as line:
        for status in _statuses(work, line.note):
            for slug in _there(work, given, missing):
                work.keep(*_fetched(work, given, learners[slug]))
                del missing[slug]
            done = len(given.learners) - len(missing)
            line.note(f"{done} of {len(given.learners)}; {status.get('active', 0)} at work")
        for slug in missing:
            words = _broke(work, given.learners.index(slug))
            work.keep(Outcome(learners[slug], False, words, _AGAIN), None)
    _clear(work)


def _statuses(work: _Work, note: Note) -> Iterator[Mapping[str, Any]]:
    """What the Job says of itself each time that a pod of it has ended, until it has ended and the volume can be read.

    Raises:
        LabError: no pod begins.
    """
    ended_before, silent_since = 0, time.monotonic()
    while True:
        job = work.cluster.find("jobs", work.job, work.of.system)
        status: Mapping[str, Any] = (job or {}).get("status", {})
        ended = status.get("succeeded", 0) + status.get("failed", 0)
        if job is None or holds(job, "Complete") or holds(job, "Failed"):
            yield status
            return
        if ended != ended_before or status.get("ready"):
            silent_since = time.monotonic()
        if ended != ended_before:
            ended_before = ended
            yield status
        elif not ended and not status.get("ready"):
            note(f"waiting: {_waits_for(work)[:120]}")
        if time.monotonic() - silent_since > _STARTS_S:
            raise LabError(
                f"no grader has begun on the cluster within {_STARTS_S:.0f} s: {_waits_for(work)}",
                f"see `vlab kubectl get pods,pvc,events --namespace {work.of.system}`, or grade without --jobs",
                Exit.NO_LAB,
            )
        time.sleep(_LOOK_S)


def _broke(work: _Work, index: int) -> str:
    """Why there is no result of the pod of this index: the last that it said."""
    selector = f"job-name={work.job},batch.kubernetes.io/job-completion-index={index}"
    try:
        pods = work.cluster.items("pods", work.of.system, selector=selector)
        said = [work.cluster.logs(work.of.system, p["metadata"]["name"], GRADER, lines=1) for p in pods]
    except LabError:
        said = []
    last = next((line.strip() for line in reversed(said) if line.strip()), "")
    return f"its grader's pod broke: {last[:300]}" if last else "its grader did not come to an end in time"


def _waits_for(work: _Work) -> str:
    """What the pods wait for, in Kubernetes' words."""
    pods = work.cluster.items("pods", work.of.system)
    said = {c.get("message", "") for p in pods for c in p["status"].get("conditions") or () if c["status"] == "False"}
    return "; ".join(sorted(filter(None, said))) or "its pods are not made"


def _there(work: _Work, given: parcel.Round, missing: Mapping[str, None]) -> list[str]:
    """Whose results are on the volume, of those that are missing."""
    try:
        listed = _patient(lambda: work.read(_LIST, f"{RESULTS}/{given.id}", 1 << 20)).split()
    except LabError as e:
        ui.say(f"{e.message}; it stays there, and the same command again fetches it", style="yellow")
        return []
    return [slug for slug in missing if f"{slug}.zip" in listed]


def _patient(read: Callable[[], str]) -> str:
    """The pod before the volume may be starting, or come back."""
    retry = retry_if_exception_type(LabError)
    return Retrying(retry=retry, stop=stop_after_delay(_READ_S), wait=wait_fixed(_LOOK_S), reraise=True)(read)


def _fetched(work: _Work, given: parcel.Round, learner: Learner) -> tuple[Outcome, Path | None]:
    """One result, put where gradings lie: it is believed as far as its seal goes."""
    try:
        run = runs.load(work.lab, work.exercise, learner.slug)
        path = f"{RESULTS}/{given.id}/{learner.slug}.zip"
        came = unpacked(base64.b64decode(_patient(lambda: work.read(_SEND, path, 2 * _RESULT_BYTES))), run)
        if not came.ok:
            return Outcome(learner, False, came.words, came.hint), None
        folder = run.gradings / came.grading
        report = Report.model_validate_json((folder / REPORT).read_bytes())
        attempt = Attempt(learner, run.scenario, folder, report)
        if against := trust.findings(attempt, trust.read(attempt), run, work.of):
            shutil.rmtree(folder)
            return Outcome(learner, False, f"what came back is not believed: {against[0]}", _AGAIN), None
    except (LabError, OSError, ValueError, KeyError, zipfile.BadZipFile) as e:
        words = e.message if isinstance(e, LabError) else f"what its grader left cannot be read: {e}"
        return Outcome(learner, False, words, _AGAIN), None
    return Outcome(learner, True, came.words), folder


def unpacked(raw: bytes, run: Run) -> Came:
    """Put the files of a result into the run's folder, and no other.

    Raises:
        ValueError: it has a file that does not belong there, or is too large.
        KeyError, zipfile.BadZipFile: it is no result.
    """
    with zipfile.ZipFile(io.BytesIO(raw)) as archive, tempfile.TemporaryDirectory(dir=run.folder) as made:
        came = Came.model_validate_json(archive.read(OUTCOME))
        names = [info.filename for info in archive.infolist() if info.filename != OUTCOME]
        if sum(info.file_size for info in archive.infolist()) > _RESULT_BYTES:
            raise ValueError("it is too large")
        if wrong := [name for name in names if not _belongs(name, came.grading)]:
            raise ValueError(f"{wrong[0]!r} does not belong there")
        archive.extractall(made, names)
        for answer in Path(made, "answers").glob("*"):
            run.answers.mkdir(exist_ok=True)
            answer.replace(run.answers / answer.name)
        if came.grading:
            run.gradings.mkdir(exist_ok=True)
            Path(made, "gradings", came.grading).replace(run.gradings / came.grading)
    return came


def _belongs(name: str, grading: str) -> bool:
    """Whether a file is an answer, or in the folder of this grading."""
    parts = name.split("/")
    if {"", ".", ".."} & set(parts) or "\\" in name:
        return False
    return (parts[0] == "answers" and len(parts) == 2) or (parts[:2] == ["gradings", grading] and len(parts) > 2)


def _clear(work: _Work) -> None:
    """Take away the Job with its pods, the key and what the round was given; results stay on the volume."""
    system = work.of.system
    work.cluster.delete("jobs", work.job, system)
    work.cluster.gone("jobs", work.job, system)
    selector = ",".join(f"{label}={value}" for label, value in work.while_it_lasts.items())
    for kind in ("secrets", "configmaps"):
        for each in work.cluster.items(kind, system, selector=selector):
            work.cluster.delete(kind, each["metadata"]["name"], system)
