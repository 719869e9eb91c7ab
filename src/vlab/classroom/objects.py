"""The Kubernetes objects of a class: pure, from the templates in manifests/class*.yaml.j2."""

from collections.abc import Iterable, Mapping
from typing import Any

from vlab import render
from vlab.classroom.model import Class, Learner
from vlab.cluster.lab import Lab
from vlab.cluster.quantities import number
from vlab.cluster.witness import namespace_of
from vlab.settings import CLASS, EXERCISE, LEARNER
from vlab.submission import Policy, admission_policies
from vlab.submission.policy import known_images
from vlab.values import values_of

Object = dict[str, Any]

DESK = {"brief.md": "", "hints.md": ""}
"""What the teacher hands out, by file; empty until an exercise is started."""
_POD_SECURITY = "pod-security.kubernetes.io"
_LEVEL = "baseline"
"""Engines run as their image wants; nothing of a node is theirs."""


def labels(of: Class, lab: Lab) -> dict[str, str]:
    """What everything of a class carries."""
    return lab.labels | {CLASS: of.uid}


def room_labels(of: Class) -> dict[str, str]:
    """What a learner's namespace carries besides what every exercise's does."""
    return {CLASS: of.uid, f"{_POD_SECURITY}/enforce": _LEVEL, f"{_POD_SECURITY}/warn": _LEVEL}


def of_class(of: Class, lab: Lab) -> list[Object]:
    """What there is once."""
    made = render.manifest("class", system=of.system)
    return render.labelled([*made, *admission_policies(policy(lab), of.uid, of.system)], labels(of, lab))


def policy(lab: Lab) -> Policy:
    """What may be applied in the class's namespaces, by hand as well: the cluster holds it."""
    given = values_of(lab.values)
    own = [str(image) for part in given.values() if isinstance(part, dict) and (image := part.get("image"))]
    return Policy(images=(*known_images(), *own))


def of_learner(of: Class, lab: Lab, learner: Learner) -> list[Object]:
    """The account and what is handed out, in the class's own namespace."""
    made = render.manifest("class-learner", system=of.system, slug=learner.slug)
    return render.labelled([*made, desk(of, learner, DESK)], labels(of, lab))


def desk(of: Class, learner: Learner, handed_out: Mapping[str, str]) -> Object:
    """The ConfigMap that the learner may read, and nobody else of the class."""
    metadata = {"name": learner.slug, "namespace": of.system}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(handed_out)}


def empty_room(of: Class, lab: Lab, learner: Learner) -> list[Object]:
    """The learner's namespace, with what is in it before there is an exercise and beside one."""
    name = of.namespace(learner)
    marks = {LEARNER: learner.slug, EXERCISE: name} | room_labels(of)
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": marks}}
    return render.labelled([space, *room(of, lab, learner)], lab.labels)


def room(of: Class, lab: Lab, learner: Learner) -> list[Object]:
    """What an exercise of the learner has besides its own: access, quota, limits, isolation."""
    made = render.manifest(
        "class-room",
        namespace=of.namespace(learner),
        system=of.system,
        slug=learner.slug,
        quota=of.quota,
        witness=namespace_of(lab),
    )
    return render.labelled(made, labels(of, lab))


def asked_for(objects: Iterable[Object]) -> dict[str, float]:
    """What pods of these objects ask for in all, as a quota counts it: GPUs, CPUs, bytes of memory and of storage."""
    found = {"gpus": 0.0, "cpu": 0.0, "memory": 0.0, "storage": 0.0}
    for each in objects:
        spec = each.get("spec") or {}
        if each["kind"] == "PersistentVolumeClaim":
            found["storage"] += float(number(spec["resources"]["requests"]["storage"]))
        template = spec.get("template", {}).get("spec") if each["kind"] != "Pod" else spec
        for container in (template or {}).get("containers", ()):
            asks, limits = (container.get("resources", {}).get(k, {}) for k in ("requests", "limits"))
            many = spec.get("replicas", 1) if each["kind"] != "Pod" else 1
            found["gpus"] += many * float(limits.get("nvidia.com/gpu", 0))
            found["cpu"] += many * float(number(asks.get("cpu", 0)))
            found["memory"] += many * float(number(limits.get("memory", 0)))
    return found
