"""Makes a class on a cluster, starts exercises in it, hands out hints and time, and takes it away."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from vlab import begin, runs, ui
from vlab.catalog import Exercise
from vlab.classroom import access, objects, store
from vlab.classroom.many import Note, Outcome, for_each
from vlab.classroom.model import Class, Hints, Learner
from vlab.cluster import lab as labs
from vlab.cluster.kube import Kube, kube
from vlab.cluster.lab import Lab
from vlab.cluster.network import enforces_policies
from vlab.cluster.quantities import number
from vlab.cluster.witness import namespace_of
from vlab.deployment import Room, kept, names
from vlab.errors import Exit, LabError
from vlab.runs import Run
from vlab.settings import CLASS

_WIDE = ("clusterrolebindings", "clusterroles", "validatingadmissionpolicybindings", "validatingadmissionpolicies")
"""What a class has outside of namespaces, in the order in which it goes."""
_GONE_S = 300.0


def new(name: str, lab: Lab, learners: Sequence[Learner], **rules: Any) -> Class:
    """A class that does not exist yet.

    Args:
        rules: quota, hints, hours, ends, counts.
    """
    return Class(
        name=store.checked_name(name),
        uid=uuid4().hex[:12],
        lab=lab.name,
        lab_instance=lab.instance,
        created=datetime.now(UTC).replace(microsecond=0),
        learners=tuple(learners),
        **rules,
    )


def joined(known: Class, learners: Sequence[Learner]) -> Class:
    """A class with those of a new roster who are not in it yet; nobody is taken out."""
    there = {each.slug for each in known.learners}
    more = tuple(each for each in learners if each.slug not in there)
    return known.model_copy(update={"learners": (*known.learners, *more)})


def lab_of(of: Class) -> Lab:
    """The lab that a class was made on.

    Raises:
        LabError: it is not up, or was made anew since.
    """
    lab = labs.get(of.lab)
    if lab.instance != of.lab_instance:
        raise LabError(
            f"lab {of.lab!r} was made anew since class {of.name} was made, and the class is not on it",
            f"`vlab class close --class {of.name}` keeps what was graded; then create it again",
            Exit.NO_LAB,
        )
    return lab


def create(of: Class, steps: ui.Steps, server: str = "", parallel: int = 8) -> list[Outcome]:
    """Make everything of a class that is not there yet: it goes on where it was interrupted.

    Args:
        server: the API server's address as learners reach it.

    Raises:
        LabError: the cluster does not answer, or something of the class's name is there and not its own.
    """
    lab = lab_of(of)
    cluster = kube(lab)
    where = access.endpoint(lab, server)
    store.save(of)
    with steps.step(f"Make class {of.name}"):
        _refuse_others(cluster, of)
        _say_isolation(enforces_policies(cluster))
        for each in objects.of_class(of, lab):
            cluster.put(each)

    def work(learner: Learner, note: Note) -> str:
        note("account and namespace")
        for each in [*objects.of_learner(of, lab, learner), *objects.empty_room(of, lab, learner)]:
            _put_once(cluster, each)
        until = access.give(cluster, of, learner, where)
        return f"until {until:%Y-%m-%d %H:%M} UTC"

    with steps.step(f"Make {len(of.learners)} learners' accounts and namespaces") as line:
        return for_each(of.learners, work, parallel, line.note)


def _say_isolation(enforced: bool | None) -> None:
    """Rights keep learners apart everywhere; their pods only where the network does."""
    if enforced:
        return
    known = "does not hold pods to NetworkPolicies" if enforced is False else "may not hold pods to NetworkPolicies"
    ui.say(
        f"this cluster's network {known}: a learner who finds the address of another's pod can ask it", style="yellow"
    )


def _put_once(cluster: Kube, wanted: objects.Object) -> None:
    """Make what is not there: what is there may hold an exercise or its hints by now."""
    metadata = wanted["metadata"]
    if cluster.find(cluster.resource(wanted).plural, metadata["name"], metadata.get("namespace")) is None:
        cluster.create(wanted)


def _refuse_others(cluster: Kube, of: Class) -> None:
    """Raises: LabError if the class's own namespace is somebody else's."""
    found = cluster.find("namespaces", of.system)
    if found is not None and found["metadata"].get("labels", {}).get(CLASS) != of.uid:
        raise LabError(
            f"namespace {of.system} exists and is not of this class",
            "another class of this name may be on this cluster: take another --class NAME",
            Exit.NOT_OURS,
        )


def refuse_alone(exercise: Exercise) -> None:
    """Raises: LabError if an exercise cannot be done in a class, with what to do instead."""
    if exercise.alone:
        raise LabError(
            f"{exercise.id} cannot be done in a class: {exercise.alone}",
            f"give each learner a lab for it (`vlab up`, `vlab start {exercise.id}`), or show it on yours",
            Exit.MACHINE,
        )


def start(
    of: Class, exercise: Exercise, learners: Sequence[Learner], steps: ui.Steps, *, replace: bool, parallel: int
) -> list[Outcome]:
    """Start an exercise for learners, each with parameters of their own.

    Args:
        replace: give up what is in their namespaces; answers and gradings stay.

    Raises:
        LabError: it cannot be done in a class, or its quota is too small for it.
    """
    refuse_alone(exercise)
    lab = lab_of(of)
    cluster = kube(lab)
    several = 1 if exercise.measured else parallel  # a load that is measured has the cluster to itself

    def work(learner: Learner, note: Note) -> str:
        room = Room(labels=objects.room_labels(of), objects=objects.room(of, lab, learner))
        within, space = ui.Within(note), of.namespace(learner)
        run = begin.begin(lab, exercise, learner.slug, space, within, replace=replace, room=room)
        refuse_too_large(of, run)
        hand_out(cluster, of, learner, exercise, run)
        return f"in {run.namespace}"

    with steps.step(f"Start {exercise.id} for {len(learners)} learners") as line:
        return for_each(learners, work, several, line.note)


def refuse_too_large(of: Class, run: Run) -> None:
    """Raises: LabError if what an exercise deploys does not fit into the class's quota: another fault than its own."""
    asked = objects.asked_for(kept(run).faulty.objects)
    for what, there in of.quota.model_dump(include=set(asked)).items():
        if asked[what] > number(there):
            raise LabError(
                f"{run.scenario} asks for {asked[what]:g} of {what}, and a learner of class {of.name} has {there}",
                f"close the class and create it with a larger --{what}",
                Exit.MACHINE,
            )


def hand_out(cluster: Kube, of: Class, learner: Learner, exercise: Exercise, run: Run) -> int:
    """Put the brief on the learner's desk, and the hints that are due; returns how many these are."""
    due = hints_due(of.hints, of.is_exam, datetime.now(UTC) - run.started)
    parameters = names(run)
    hints = exercise.hints(parameters)[:due]
    brief = exercise.brief(parameters)
    cluster.put(objects.desk(of, learner, {"brief.md": brief, "hints.md": "\n\n".join(hints)}))
    if hints:
        run.saw_hints(len(hints))
    return len(hints)


def hints_due(rules: Hints, is_exam: bool, since_start: timedelta) -> int:
    """How many hints a learner may see by now."""
    if is_exam:
        return 0
    if not rules.after_minutes:
        return rules.most
    return min(rules.most, int(since_start.total_seconds() // (60 * rules.after_minutes)))


def hint(of: Class, exercise: Exercise, learners: Sequence[Learner], steps: ui.Steps) -> list[Outcome]:
    """Hand out what hints are due by the class's rules."""
    lab = lab_of(of)
    cluster = kube(lab)

    def work(learner: Learner, _: Note) -> str:
        run = runs.load(lab, exercise, learner.slug)
        return f"{hand_out(cluster, of, learner, exercise, run)} of {of.hints.most} hints"

    with steps.step(f"Hand out hints of {exercise.id}") as line:
        return for_each(learners, work, 8, line.note)


def extend(
    of: Class, learners: Sequence[Learner], steps: ui.Steps, *, minutes: float | None = None, server: str = ""
) -> tuple[Class, list[Outcome]]:
    """Renew kubeconfigs; in an exam these learners have `minutes` more as well.

    Raises:
        LabError: as `lab_of`.
    """
    lab = lab_of(of)
    cluster, where = kube(lab), access.endpoint(lab, server)
    if minutes is not None and of.is_exam:
        more = {each.slug: of.extra_minutes.get(each.slug, 0.0) + minutes for each in learners}
        of = of.model_copy(update={"extra_minutes": {**of.extra_minutes, **more}})
        store.save(of)

    def work(learner: Learner, _: Note) -> str:
        return f"until {access.give(cluster, of, learner, where):%Y-%m-%d %H:%M} UTC"

    with steps.step(f"Renew {len(learners)} kubeconfigs") as line:
        return of, for_each(learners, work, 8, line.note)


def close(of: Class, steps: ui.Steps) -> None:
    """Take a class off its cluster; what was graded stays.

    Raises:
        LabError: something does not go.
    """
    lab = labs.find(of.lab)
    if lab is not None and lab.instance == of.lab_instance:
        cluster = kube(lab)
        with steps.step(f"Remove class {of.name} from the cluster") as line:
            selector = f"{CLASS}={of.uid}"
            for plural in _WIDE:
                for each in cluster.items(plural, selector=selector):
                    cluster.delete(plural, each["metadata"]["name"])
            beside = namespace_of(lab)  # there graders may ask the witness
            for plural in ("rolebindings", "roles"):
                for each in cluster.items(plural, beside, selector=selector):
                    cluster.delete(plural, each["metadata"]["name"], beside)
            spaces = [o["metadata"]["name"] for o in cluster.items("namespaces", selector=selector)]
            for name in spaces:
                cluster.delete("namespaces", name)
            for metadata in (pod["metadata"] for pod in cluster.items("pods")):
                if metadata["namespace"] in spaces:  # nobody waits for their goodbye
                    cluster.delete("pods", metadata["name"], metadata["namespace"], grace=1)
            for number, name in enumerate(spaces):
                line.note(f"{number} of {len(spaces)} namespaces are gone")
                cluster.gone("namespaces", name, timeout=_GONE_S)
    for file in (of.folder / "kubeconfigs").glob("*"):
        file.unlink()
    store.save(of.model_copy(update={"closed": datetime.now(UTC).replace(microsecond=0)}))
