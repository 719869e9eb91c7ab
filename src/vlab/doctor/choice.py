"""Chooses where the cluster comes from, and says which of a machine's rows that makes matter."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import get_args

from vlab.doctor import rows as judge
from vlab.doctor.facts import Facts
from vlab.doctor.rows import Row
from vlab.errors import Exit, LabError
from vlab.names import EngineName, ProviderName


@dataclass(frozen=True)
class Choice:
    """The provider that `vlab up` takes; `engine` is None where there is nothing to start."""

    provider: ProviderName
    engine: EngineName | None
    why: str
    own_conf: bool = False
    """Whether Podman needs a containers.conf of vlab's own here."""


def _always(_: Choice) -> bool:
    return True


def _kind(choice: Choice) -> bool:
    return choice.provider != "context"


def _podman(choice: Choice) -> bool:
    return choice.engine == "podman"


def _building(choice: Choice) -> bool:
    return choice.provider == "kind-built"


# Every row in the order of the table, and for which choices a lack of it is one.
_TABLE: tuple[tuple[Callable[[Facts], Row], Callable[[Choice], bool]], ...] = (
    (judge.system, _always),
    (judge.processor, _kind),
    (judge.privileges, _building),
    (judge.capabilities, _podman),
    (judge.open_files, _podman),
    (judge.processes, _podman),
    (judge.cgroup, _kind),
    (judge.memory, _kind),
    (judge.disk, _kind),
    (judge.filesystem, _kind),
    (judge.inotify, _kind),
    (judge.docker, _kind),
    (judge.podman, _kind),
    (judge.forwarding, _podman),
    (judge.modules, _kind),
    (judge.go, _kind),
    (judge.kind, _kind),
    (judge.kubectl, _always),
    (judge.packages, _building),
    (judge.container_registry, _kind),
    (judge.go_modules, _kind),
    (judge.pypi, _building),
    (judge.debian, _building),
    (judge.gpus, _always),
)

_BUILDING = (
    judge.privileges,
    judge.capabilities,
    judge.packages,
    judge.podman,
    judge.go,
    judge.go_modules,
    judge.pypi,
    judge.debian,
)
"""What rules building here out where it is bad. Limits and sizes do not: they hold for every provider."""


def choose_provider(facts: Facts, context: str | None = None, wanted: str | None = None) -> Choice:
    """Where `vlab up` takes its cluster from.

    What was not asked (`read_facts(registries=False)`) is trusted if its provider is `wanted`; without a
    wish, a container registry that was not asked counts as not reached.

    Args:
        facts: the machine.
        context: an existing cluster that the user named; it is taken whatever the machine is like.
        wanted: the provider that the user named.

    Raises:
        LabError: no provider works here, or not the wanted one; the hint names the cure.
    """
    check_wish(context, wanted)
    if context is not None:
        return Choice("context", None, f"the context {context} was named")
    if wanted == "kind-registry":
        return _from_registry(facts)
    if wanted == "kind-built":
        return _built_here(facts, "it was asked for")
    return _best(facts)


def check_wish(context: str | None, wanted: str | None) -> None:
    """Raises: LabError if no such provider exists, or it does not go with a context."""
    if wanted not in (None, *get_args(ProviderName)):
        raise LabError(f"no provider is called {wanted}", f"take one of {', '.join(get_args(ProviderName))}")
    if (wanted == "context") != (context is not None) and not (wanted is None and context is not None):
        raise LabError("a context goes with the provider `context` alone", "use --context NAME and no --provider")


def _best(facts: Facts) -> Choice:
    engine = _engine(facts)
    if engine is None and not facts.root:
        raise LabError(
            "no container engine answers, and building here needs root",
            "run as root, or start Docker or Podman",
            Exit.MACHINE,
        )
    if engine is not None and _serves(facts, engine):
        why = f"{engine.capitalize()} answers and reaches a container registry"
        return Choice("kind-registry", engine, why, _own_conf(facts, engine))
    return _built_here(facts, "no container registry is reached" if engine else "no container engine answers")


def _from_registry(facts: Facts) -> Choice:
    engine = _engine(facts)
    if engine is None:
        raise LabError("no container engine answers", "start Docker, or install Podman and run as root", Exit.MACHINE)
    if _serves(facts, engine) is False:
        image = judge.container_registry(facts).need
        raise LabError(
            f"{engine} reaches no container registry that serves {image}",
            f"see what `{engine} manifest inspect {image}` says, or take --provider kind-built",
            Exit.MACHINE,
        )
    return Choice("kind-registry", engine, "it was asked for", _own_conf(facts, engine))


def _built_here(facts: Facts, why: str) -> Choice:
    obstacle = next((row for check in _BUILDING if (row := check(facts)).status == "bad"), None)
    if obstacle is not None:
        message = f"{why}, and images cannot be built here: {obstacle.name}: {obstacle.found}"
        raise LabError(message, obstacle.cure, Exit.MACHINE)
    where = "images built before are in the cache" if facts.built else "images are built here from package registries"
    return Choice("kind-built", "podman", f"{why}; {where}", own_conf=True)


def _own_conf(facts: Facts, engine: EngineName) -> bool:
    """Where the defaults of Podman fail: limits that may not be raised, control groups that crun refuses."""
    return engine == "podman" and facts.root and (facts.cgroup != "v2" or "CAP_SYS_RESOURCE" not in facts.capabilities)


def _engine(facts: Facts) -> EngineName | None:
    """The engine to use: rather one that reaches the registry; of two alike Docker, kind's default."""
    usable: list[EngineName] = []
    if judge.docker_usable(facts):
        usable.append("docker")
    if judge.podman_usable(facts):
        usable.append("podman")
    return next((e for e in usable if _serves(facts, e)), usable[0] if usable else None)


def _serves(facts: Facts, name: EngineName) -> bool | None:
    engine = facts.docker if name == "docker" else facts.podman
    return engine.node_image if engine else None


def rows(facts: Facts, choice: Choice | None) -> list[Row]:
    """The whole table. What the choice does not need is never red; without a choice everything may be."""
    return [
        row if choice is None or matters(choice) else _for_information(row)
        for check, matters in _TABLE
        for row in [check(facts)]
    ]


def _for_information(row: Row) -> Row:
    return replace(row, status="info", cure="") if row.status in ("warn", "bad") else row


def refuse(table: Iterable[Row]) -> None:
    """Stop if a row is red.

    Raises:
        LabError: the first red row, with its cure.
    """
    for row in table:
        if row.status == "bad":
            raise LabError(f"{row.name}: {row.found}, needed: {row.need}", row.cure, Exit.MACHINE)
