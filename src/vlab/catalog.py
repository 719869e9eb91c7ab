"""The exercises: every page under labs/ is a task, and every folder under scenarios/ a scenario, everywhere."""

import difflib
import hashlib
import random
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

import pydantic
import yaml

from vlab import paths
from vlab.errors import LabError
from vlab.settings import SERVICE

Parameters = dict[str, Any]
SomeExercise = TypeVar("SomeExercise", bound="Exercise")


Collector = Literal["objects", "events", "logs", "probe", "api", "calls", "gpus", "volumes", "before", "load", "stream"]


class Fault(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What differs from the healthy deployment. Strings in it may use parameters: "{{ pool_blocks }}"."""

    values: dict[str, Any] = {}
    """Laid over the values of the profile; null removes a key."""
    manifests: tuple[str, ...] = ()
    """Templates in the scenario's folder, applied besides those in manifests/; `faulty` in them tells whether the
    fault is to be there."""
    first: bool = False
    """Whether what the manifests make must run before the server is deployed: it takes what the server needs."""


class Needs(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What a cluster must have for the fault to be one."""

    profiles: tuple[str, ...] = ("cpu", "gpu")
    """cpu: simulated GPUs; gpu: real ones."""
    nodes: int = 1
    """That take pods and offer GPUs."""
    gpus_per_node: int = 1
    """At least so many on each of them."""
    takes_gpus: bool = False
    """Whether the fault holds GPUs of the cluster; on one that others use too it must be given leave for so many."""


class OnProfile(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What is otherwise on a profile."""

    values: dict[str, Any] = {}
    """Laid over the exercise's values."""
    parameters: dict[str, tuple[Any, ...]] = {}
    """In the place of those of the same names."""


class Exercise(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What a learner starts, works on and is graded on: a task or a scenario."""

    id: str
    """As the commands name it."""
    title: str
    """What it is about, in a line."""
    task: int
    """The task of the course that it is or belongs to, 1 to 6."""
    minutes: int
    """How long a learner takes."""
    kind: str
    """What a scenario is an example of; the site groups by it. Of a task: task."""
    starts_with: Literal["nothing", "namespace", "server"] = "server"
    """What `vlab start` deploys; the rest is the learner's to make."""
    needs: Needs = Needs()
    """What a cluster must have for it."""
    values: dict[str, Any] = {}
    """Laid over the values of the profile, with the fault and without."""
    fault: Fault = Fault()
    """What is broken; nothing in a task."""
    traffic: str | None = None
    """The workload in its folder that its users send: measured at the start and, with `load`, at every grading."""
    expected: str
    """The check that fails while nothing has been done yet."""
    checks: tuple[str, ...] = ()
    """Files in graders/shared with checks that several scenarios have, besides those of its own grader."""
    apart: tuple[str, ...] = ()
    """Files in graders/shared with checks of what is written, graded apart from what is deployed."""
    collect: tuple[
        Literal["objects", "events", "logs", "probe", "api", "calls", "gpus", "volumes", "before", "load", "stream"],
        ...,
    ]
    """Collectors of the evidence that its graders need; `before`: what its traffic does at the start alone."""
    addresses: tuple[str, ...] = (SERVICE,)
    """The Services that its brief names, behind which the engine is."""
    proxied: tuple[str, ...] = ()
    """Those of them behind which a learner may put something in front of the engine."""
    send: dict[str, str] = {}
    """The Service to which each class of its traffic goes; the first address if it is not here."""
    rubric: str = ""
    """The scenario by whose rubric its recommendation is judged; empty: by its own."""
    api_key: str = ""
    """The parameter with the key that clients are to send; empty: they send none."""
    edge: str | None = None
    """The Service in front of the engine; a stream is measured through it and past it."""
    parameters: dict[str, tuple[Any, ...]] = {}
    """What each may be; which it is depends on the learner."""
    profiles: dict[str, OnProfile] = {}
    """By profile."""
    also: tuple[str, ...] = ()
    """Other ways that must pass, of those in scenarios/common; its own are in its folder."""
    wrong: dict[str, str] = {}
    """Each wrong way, its own or one of scenarios/common, and the check that must fail on it."""
    alone: str = ""
    """Why a class cannot do it on one cluster: it changes what belongs to all. Empty: it can."""
    real: str = ""
    """A line: what is real here."""
    simulated: str = ""
    """A line: what is simulated."""
    not_shown: str = ""
    """A line: what this does not show."""

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return paths.data("scenarios") / self.id

    @property
    def files(self) -> tuple[Path, ...]:
        """Those that it is made of, but for its graders and what several exercises share."""
        return tuple(
            f for f in self.folder.rglob("*") if f.is_file() and "evidence" not in f.relative_to(self.folder).parts
        )

    @property
    def own_grader(self) -> str:
        """The file in graders/ with the checks that are its own."""
        return f"test_{self.id.replace('-', '_')}.py"

    @property
    def graders(self) -> tuple[Path, ...]:
        """The files with its checks: the shared ones, and its own."""
        folder = paths.data("graders")
        shared = [folder / "shared" / f"{name}.py" for name in self.checks]
        return (*shared, folder / self.own_grader)

    @property
    def graders_apart(self) -> dict[str, Path]:
        """The files with checks of what is written, by the names of the answers without their suffix."""
        return {name: paths.data("graders") / "shared" / f"{name}.py" for name in self.apart}

    @property
    def rubric_file(self) -> Path:
        """By which its recommendation is judged, if there is one."""
        return (paths.data("scenarios") / self.rubric if self.rubric else self.folder) / "rubric.yaml"

    @property
    def templates(self) -> dict[str, Path]:
        """What a learner is to fill in, by the name that it has in the answers' folder."""
        shared = (paths.data("graders") / "shared" / f"{name}.md" for name in (*self.checks, *self.apart))
        own = (self.folder / "answers").glob("*.md")
        return {f.name: f for f in sorted([*own, *shared]) if f.is_file()}

    @property
    def also_right(self) -> tuple[str, ...]:
        """Every other right mending, its own before the common ones."""
        own = sorted(p.parent.name for p in (self.folder / "also").glob("*/apply.sh"))
        return (*own, *(name for name in self.also if name not in own))

    def script(self, kind: Literal["also", "wrong"], name: str) -> Path:
        """The script of a mending: the scenario's own, else the common one."""
        own = self.folder / kind / name / "apply.sh"
        return own if own.is_file() else paths.data("scenarios") / "common" / kind / name / "apply.sh"

    @property
    def recorded(self) -> dict[str, Path]:
        """The recorded runs that replay tests use, by phase."""
        return {f.stem: f for f in sorted((self.folder / "evidence").glob("*.zip"))}

    def recorded_on(self, profile: str) -> dict[str, Path]:
        """Loads that an engine on another profile was sent without a cluster, by the phase that each stands for."""
        return {f.stem: f for f in sorted((self.folder / "evidence" / profile).glob("*.zip"))}

    def text(self, name: str, parameters: Parameters) -> str:
        """brief.md, hints.md or solution/README.md, in Markdown; `{name}` in it is a parameter's value."""
        return filled((self.folder / name).read_text(), parameters)

    def brief(self, parameters: Parameters) -> str:
        """What is to be done, in Markdown: of a scenario the incident as its users see it."""
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
        return bool({"before", "load", "stream"} & set(self.collect))

    @property
    def workload(self) -> Path | None:
        """The file of its users' traffic, a template with its parameters."""
        return None if self.traffic is None else self.folder / self.traffic

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


class Scenario(Exercise, frozen=True, extra="forbid"):
    """scenario.yaml: a deployment with a fault in it."""

    fault: Fault
    apart: tuple[str, ...] = ("diagnosis", "recommendation")


class Task(Exercise, frozen=True, extra="forbid"):
    """One of the course's six tasks: a page in labs/ with these facts in front. Nothing is broken in it."""

    kind: str = "task"
    grader: str
    """The file in graders/ with its checks."""
    scenarios: tuple[str, ...] = ()
    """What can break in what it is about."""

    @property
    def folder(self) -> Path:
        """Where its files are, but for its page."""
        return paths.data("labs") / self.id

    @property
    def page(self) -> Path:
        """The file with its text."""
        return paths.data("labs") / f"{self.task:02}-{self.id}.md"

    @property
    def files(self) -> tuple[Path, ...]:
        """Those that it is made of, but for its graders and what several exercises share."""
        return (self.page, *super().files)

    @property
    def own_grader(self) -> str:
        """The file in graders/ with the checks that are its own."""
        return self.grader

    def brief(self, parameters: Parameters) -> str:
        """What is to be done, in Markdown."""
        return filled(_split(self.page)[1], parameters)


@cache
def tasks() -> dict[str, Task]:
    """All tasks by id, in their order.

    Raises:
        LabError: what stands in front of a page is wrong.
    """
    pages = sorted(paths.data("labs").glob("[0-9]*.md"))
    return {t.id: t for t in map(_read_page, pages)}


@cache
def scenarios() -> dict[str, Scenario]:
    """All scenarios by id, in the order of their tasks.

    Raises:
        LabError: a scenario.yaml is wrong.
    """
    found = [_read(file) for file in sorted(paths.data("scenarios").glob("*/scenario.yaml"))]
    return {s.id: s for s in sorted(found, key=lambda s: (s.task, s.id))}


def exercises() -> dict[str, Exercise]:
    """All of both by id, in the order of the tasks; each task before its scenarios."""
    every: list[Exercise] = [*tasks().values(), *scenarios().values()]
    return {e.id: e for e in sorted(every, key=lambda e: e.task)}


def exercise(identifier: str) -> Exercise:
    """The task or the scenario of this id.

    Raises:
        LabError: there is none; the hint names the nearest.
    """
    return _named(identifier, exercises(), "exercise")


def scenario(identifier: str) -> Scenario:
    """The scenario of this id.

    Raises:
        LabError: there is none; the hint names the nearest.
    """
    return _named(identifier, scenarios(), "scenario")


def _named(identifier: str, known: Mapping[str, SomeExercise], what: str) -> SomeExercise:
    if identifier in known:
        return known[identifier]
    near = difflib.get_close_matches(identifier, known, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}?" if near else "`vlab list` shows those there are"
    raise LabError(f"no {what} is called {identifier!r}", hint)


def _read(file: Path) -> Scenario:
    read = _checked(Scenario, file, file.read_text())
    if read.id != file.parent.name:
        raise LabError(f"{file}: its id is {read.id}", f"name the folder and the id alike: {file.parent.name}")
    return read


def _read_page(page: Path) -> Task:
    read = _checked(Task, page, _split(page)[0])
    if read.page != page:
        raise LabError(f"{page}: it is task {read.task}, {read.id}", f"name the page so: {read.page.name}")
    return read


def _split(page: Path) -> tuple[str, str]:
    """What a page has in front, between two lines of dashes, and the page itself."""
    parts = re.split(r"^---\n", page.read_text(), maxsplit=2, flags=re.MULTILINE)
    if len(parts) < 3:
        raise LabError(f"{page}: nothing stands in front of it", "begin it with its facts between two lines of `---`")
    return parts[1], parts[2].strip() + "\n"


def _checked(kind: type[SomeExercise], file: Path, text: str) -> SomeExercise:
    try:
        return kind.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as e:
        raise LabError(f"{file} is not YAML: {e}", "mend the file") from e
    except pydantic.ValidationError as e:
        first = e.errors()[0]
        where = ".".join(map(str, first["loc"]))
        near = difflib.get_close_matches(str(first["loc"][-1]), [*kind.model_fields, *Fault.model_fields], n=1)
        hint = f"did you mean {near[0]}?" if first["type"] == "extra_forbidden" and near else "mend the file"
        raise LabError(f"{file}: {where}: {first['msg']}", hint) from e


def filled(text: str, parameters: Parameters) -> str:
    """A text with the values of parameters in the place of `{name}`; other braces stay."""
    return re.sub(r"\{([a-z_]+)\}", lambda m: str(parameters.get(m[1], m[0])), text)


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
