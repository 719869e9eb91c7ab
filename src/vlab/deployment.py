"""What is to be deployed for an exercise: the templates, rendered once when it starts and kept with the run."""

import json
from collections.abc import Mapping
from typing import Any

import jinja2
import pydantic
import yaml

from vlab import catalog, render, runs
from vlab.catalog import Exercise, Parameters
from vlab.cluster.lab import Lab, Profile
from vlab.pins import pins
from vlab.runs import Run
from vlab.settings import EXERCISE, LEARNER, SCENARIO
from vlab.values import values_of

Object = dict[str, Any]

BASE = {
    "nothing": (),
    "namespace": ("namespace",),
    "server": ("namespace", "cache", "server", "service"),
}
"""The parts of a deployment, each a template in manifests/, by what an exercise starts with."""


class Room(pydantic.BaseModel, frozen=True):
    """What an exercise's namespace has besides, with the fault and without: a class's access and limits."""

    labels: dict[str, str] = {}
    """Of the namespace."""
    objects: list[Object] = []


class Wanted(pydantic.BaseModel, frozen=True):
    """The objects of one deployment."""

    base: list[Object]
    """The server and what belongs to it."""
    surroundings: list[Object]
    """What the scenario's own manifests make."""

    @property
    def objects(self) -> list[Object]:
        """All of them."""
        return [*self.base, *self.surroundings]


class Rendered(pydantic.BaseModel, frozen=True):
    """A run's deployment with its fault and without."""

    healthy: Wanted
    faulty: Wanted
    values: dict[str, Any]
    """Of the healthy one: what was promised to its users."""


def kept(run: Run) -> Rendered:
    """What was rendered when a run was started.

    Raises:
        LabError: its file is not there or not whole.
    """
    return Rendered.model_validate(runs.read_objects(run.wanted))


def names(run: Run) -> Parameters:
    """What the texts of a run's exercise may name: its parameters, and what its deployment is called and made of."""
    return named(run, kept(run).values)


def named(run: Run, made_of: Mapping[str, Any]) -> Parameters:
    """The same of a run whose healthy deployment has these values."""
    server, cache = made_of["server"], made_of["cache"]
    return {
        "namespace": run.namespace,
        "lab": run.lab,
        "exercise": run.scenario,
        "learner": run.learner,
        "instance": run.instance,
        "folder": run.folder,
        "image": server["image"],
        "arguments": json.dumps([server["model"], *_flags(server["flags"])]),
        "requests": json.dumps(server["requests"]),
        "limits": json.dumps(server["limits"]),
        "startup_seconds": server["startup_seconds"],
        "shm_size": server["shm"],
        "model": server["model"],
        "context": server["flags"]["max-model-len"],
        "cache_path": server["cache_path"],
        "access_modes": json.dumps(cache["access_modes"]),
        "cache_size": cache["size"],
        "security_context": json.dumps(server["security_context"]),
        **run.parameters,
    }


def _flags(flags: Mapping[str, Any]) -> list[str]:
    """The engine's flags as manifests/server.yaml.j2 writes them."""
    return [f"--{name}" if value is True else f"--{name}={value}" for name, value in flags.items() if value is not None]


def values(
    profile: Profile, namespace: str, over: Mapping[str, Any], parameters: Parameters, *, built: bool = True
) -> dict[str, Any]:
    """What the templates are rendered with: the profile's values, others laid over them.

    Args:
        built: the engine's image is the one that is built here; else it comes from a registry.
    """
    (base,) = render.manifest(f"profiles/{profile}", built=built, **pins().model_dump())
    filled = _filled(over, parameters)
    return {**catalog.merged(base, filled), "namespace": namespace, "parameters": parameters}


def _filled(value: Any, parameters: Parameters) -> Any:
    """`value` with the parameters in its strings; a string that is nothing but a parameter takes its type."""
    if isinstance(value, Mapping):
        return {k: _filled(v, parameters) for k, v in value.items()}
    if isinstance(value, list):
        return [_filled(v, parameters) for v in value]
    if isinstance(value, str) and "{{" in value:
        template = jinja2.Template(value, undefined=jinja2.StrictUndefined)
        return yaml.safe_load(template.render(parameters))
    return value


def rendered(
    lab: Lab,
    scenario: Exercise,
    learner: str,
    namespace: str,
    parameters: Parameters,
    *,
    built: bool = True,
    gpus: int | None = None,
    ingress_class: str = "",
    tried: Mapping[str, Any] | None = None,
    room: Room | None = None,
    dtype: str = "",
) -> Rendered:
    """The deployment of a scenario for a learner.

    Args:
        built: the engine's image is the one that is built here.
        ingress_class: of the cluster, where it has one: then an edge is reached through an Ingress as well.
        gpus: how many the fault may take; of a cluster that vlab made, all.
        tried: a change that somebody proposes, laid over the values of the faulty one.
        room: what the namespace has besides.
        dtype: in what the engine computes, where its own choice does not fit its processor.
    """
    own_values = catalog.merged(scenario.values, scenario.on(lab.profile).values)
    if dtype:
        own_values = catalog.merged({"server": {"flags": {"dtype": dtype}}}, own_values)
    site = catalog.merged(own_values, values_of(lab.values))
    workers = lab.workers if gpus is None else gpus
    room = room or Room()
    marks = {SCENARIO: scenario.id, LEARNER: learner, EXERCISE: namespace, **room.labels}

    def wanted(faulty: bool) -> Wanted:
        over = catalog.merged(catalog.merged(site, scenario.fault.values), tried or {}) if faulty else site
        given = values(lab.profile, namespace, over, parameters, built=built)
        given |= {"faulty": faulty, "learner": learner, "workers": workers, "ingress_class": ingress_class}
        own = [o for part in BASE[scenario.starts_with] for o in render.manifest(part, **given)]
        more = [o for name in scenario.fault.manifests for o in render.objects(scenario.folder / name, given)]
        return Wanted(base=[*_marked(own, lab, marks), *room.objects], surroundings=_marked(more, lab, marks))

    healthy = values(lab.profile, namespace, site, parameters, built=built)
    return Rendered(healthy=wanted(False), faulty=wanted(True), values=healthy)


def _marked(objects: list[Object], lab: Lab, marks: dict[str, str]) -> list[Object]:
    """The objects with the lab's labels; namespaces also say whose they are."""
    return [
        render.labelled([o], lab.labels | (marks if o["kind"] == "Namespace" else {}))[0] for o in objects
    ]  # fmt: skip
