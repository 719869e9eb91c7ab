"""The scenarios: every folder under scenarios/ is one, everywhere."""

import difflib
import hashlib
import random
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pydantic
import yaml

from vlab import paths
from vlab.errors import LabError
from vlab.settings import SERVICE

Parameters = dict[str, Any]


class Fault(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What differs from the healthy deployment. Strings in it may use parameters: "{{ pool_blocks }}"."""

    values: dict[str, Any] = {}
    """Laid over the values of the profile; null removes a key."""
    manifests: tuple[str, ...] = ()
    """Templates in the scenario's folder, applied besides those in manifests/; `faulty` in them tells whether the
    fault is to be there."""
    first: bool = False
    """Whether what the manifests make must run before the server is deployed: it takes what the server needs."""
    traffic: str | None = None
    """The workload in the scenario's folder that its users send: measured at the start and at every grading."""


class Needs(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What a cluster must have for the fault to be one."""

    profiles: tuple[str, ...] = ("cpu", "gpu")
    nodes: int = 1
    """That take pods and offer GPUs."""
    gpus_per_node: int = 1
    """At least so many on each of them."""
    takes_gpus: bool = False
    """Whether the fault holds GPUs of the cluster; on one that others use too it must be given leave for so many."""


class OnProfile(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What is otherwise on a profile."""

    values: dict[str, Any] = {}
    """Laid over the scenario's values."""
    parameters: dict[str, tuple[Any, ...]] = {}
    """In the place of those of the same names."""


class Scenario(pydantic.BaseModel, frozen=True, extra="forbid"):
    """scenario.yaml."""

    id: str
    title: str
    task: int
    """The task of the course that it belongs to, 1 to 6."""
    minutes: int
    kind: str
    needs: Needs = Needs()
    values: dict[str, Any] = {}
    """Laid over the values of the profile, with the fault and without."""
    fault: Fault
    expected: str
    """The check that fails while the fault is there."""
    checks: tuple[str, ...] = ()
    """Files in graders/shared with checks that several scenarios have, besides those of its own grader."""
    collect: tuple[Literal["objects", "events", "logs", "probe", "api", "load", "stream"], ...]
    """Collectors of the evidence that its graders need."""
    addresses: tuple[str, ...] = (SERVICE,)
    """The Services that its brief names, behind which the engine is."""
    proxied: tuple[str, ...] = ()
    """Those of them behind which a learner may put something in front of the engine."""
    send: dict[str, str] = {}
    """The Service to which each class of its traffic goes; the first address if it is not here."""
    edge: str | None = None
    """The Service in front of the engine; a stream is measured through it and past it."""
    parameters: dict[str, tuple[Any, ...]] = {}
    """What each may be; which it is depends on the learner."""
    profiles: dict[str, OnProfile] = {}
    """By profile."""
    also: tuple[str, ...] = ()
    """Other mendings that must pass, of those in scenarios/common; its own are in its folder."""
    wrong: dict[str, str] = {}
    """Each wrong solution, its own or one of scenarios/common, and the check that must fail on it."""
    real: str = ""
    simulated: str = ""
    not_shown: str = ""
    """A line each: what is real here, what is simulated, what this does not show."""

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return paths.data("scenarios") / self.id

    @property
    def graders(self) -> tuple[Path, ...]:
        """The files with its checks: the shared ones, and its own."""
        folder = paths.data("graders")
        shared = [folder / "shared" / f"{name}.py" for name in self.checks]
        return (*shared, folder / f"test_{self.id.replace('-', '_')}.py")

    @property
    def also_right(self) -> tuple[str, ...]:
        """Every other right mending, its own before the common ones."""
        own = sorted(p.parent.name for p in (self.folder / "also").glob("*/apply.sh"))
        return (*own, *(name for name in self.also if name not in own))

    def script(self, kind: Literal["also", "wrong"], name: str) -> Path:
        """The script of a mending: the scenario's own, else the common one."""
        own = self.folder / kind / name / "apply.sh"
        return own if own.is_file() else self.folder.parent / "common" / kind / name / "apply.sh"

    @property
    def recorded(self) -> dict[str, Path]:
        """The recorded runs that replay tests use, by phase."""
        return {f.stem: f for f in sorted((self.folder / "evidence").glob("*.zip"))}

    def recorded_on(self, profile: str) -> dict[str, Path]:
        """Loads that an engine on another profile was sent without a cluster, by the phase that each stands for."""
        return {f.stem: f for f in sorted((self.folder / "evidence" / profile).glob("*.zip"))}

    def text(self, name: str, parameters: Parameters) -> str:
        """brief.md, hints.md or solution/README.md, in Markdown; `{name}` in it is a parameter's value."""
        found = (self.folder / name).read_text()
        return re.sub(r"\{([a-z_]+)\}", lambda m: str(parameters.get(m[1], m[0])), found)

    def brief(self, parameters: Parameters) -> str:
        """The incident as its users see it, in Markdown."""
        return self.text("brief.md", parameters)

    def hints(self, parameters: Parameters) -> list[str]:
        """From where to look to what to change, in Markdown."""
        parts = re.split(r"^(?=## )", self.text("hints.md", parameters), flags=re.MULTILINE)
        return [part.strip() for part in parts if part.startswith("## ")]

    @property
    def awaited(self) -> tuple[str, ...]:
        """The Services that must lead somewhere before anything is asked."""
        return tuple(dict.fromkeys([*self.addresses, *self.send.values(), *([self.edge] if self.edge else [])]))

    @property
    def measured(self) -> bool:
        """Whether something is measured when it starts, to compare with."""
        return bool({"load", "stream"} & set(self.collect))

    @property
    def workload(self) -> Path | None:
        """The file of its users' traffic, a template with its parameters."""
        return None if self.fault.traffic is None else self.folder / self.fault.traffic

    def on(self, profile: str) -> OnProfile:
        """What is otherwise on a profile; nothing unless it says so."""
        return self.profiles.get(profile, OnProfile())

    def ranges(self, profile: str = "cpu") -> dict[str, tuple[Any, ...]]:
        """What each parameter may be on a profile."""
        return {**self.parameters, **self.on(profile).parameters}

    def draw(self, learner: str, profile: str = "cpu") -> Parameters:
        """This learner's parameters: the same at every start, others than most others get."""
        seed = hashlib.sha256(f"{self.id}\0{learner}".encode()).digest()
        choose = random.Random(seed)  # noqa: S311 - to tell learners apart, not to keep a secret
        return {name: choose.choice(values) for name, values in sorted(self.ranges(profile).items())}

    def end(self, last: bool, profile: str = "cpu") -> Parameters:
        """One end of the ranges: the first or the last of each parameter's values."""
        return {name: values[-1 if last else 0] for name, values in self.ranges(profile).items()}


@cache
def scenarios() -> dict[str, Scenario]:
    """All scenarios by id, in the order of their tasks.

    Raises:
        LabError: a scenario.yaml is wrong.
    """
    found = [_read(file) for file in sorted(paths.data("scenarios").glob("*/scenario.yaml"))]
    return {s.id: s for s in sorted(found, key=lambda s: (s.task, s.id))}


def scenario(identifier: str) -> Scenario:
    """The scenario of this id.

    Raises:
        LabError: there is none; the hint names the nearest.
    """
    known = scenarios()
    if identifier in known:
        return known[identifier]
    near = difflib.get_close_matches(identifier, known, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}?" if near else "`vlab list` shows those there are"
    raise LabError(f"no scenario is called {identifier!r}", hint)


def _read(file: Path) -> Scenario:
    try:
        read = Scenario.model_validate(yaml.safe_load(file.read_text()))
    except yaml.YAMLError as e:
        raise LabError(f"{file} is not YAML: {e}", "mend the file") from e
    except pydantic.ValidationError as e:
        first = e.errors()[0]
        where = ".".join(map(str, first["loc"]))
        near = difflib.get_close_matches(str(first["loc"][-1]), [*Scenario.model_fields, *Fault.model_fields], n=1)
        hint = f"did you mean {near[0]}?" if first["type"] == "extra_forbidden" and near else "mend the file"
        raise LabError(f"{file}: {where}: {first['msg']}", hint) from e
    if read.id != file.parent.name:
        raise LabError(f"{file}: its id is {read.id}", f"name the folder and the id alike: {file.parent.name}")
    return read


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `over` laid on it: mappings are merged, everything else is replaced, null removes."""
    result = dict(base)
    for key, value in over.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result
