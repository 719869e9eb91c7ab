"""A lab: one cluster that vlab made or was given, as remembered between commands."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from uuid import uuid4

import pydantic

from vlab import paths
from vlab.cluster.containers import Engine
from vlab.errors import Exit, LabError
from vlab.names import DEFAULT_LAB, EngineName, ProviderName, checked_lab

MANAGED_BY = "app.kubernetes.io/managed-by"
INSTANCE = "vlab.dev/instance"
GPU = "nvidia.com/gpu"

Profile = Literal["cpu", "gpu"]


VALUES = "values.yaml"


class Lab(pydantic.BaseModel, frozen=True):
    """What vlab remembers about a lab. `name` is also the kind cluster's, where vlab made one."""

    name: str
    instance: str
    provider: ProviderName
    engine: EngineName | None
    own_conf: bool = False
    profile: Profile = "cpu"
    workers: int
    context: str
    state: Literal["creating", "ready"] = "creating"
    created: datetime

    @property
    def folder(self) -> Path:
        """Everything that vlab keeps about this lab."""
        return paths.labs() / self.name

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig of the lab's own; the user's is left alone."""
        return self.folder / "kubeconfig"

    @property
    def marker(self) -> Path:
        """A file mounted into every node container: the proof that a container is this lab's."""
        return self.folder / "instance"

    @property
    def nodes(self) -> Path:
        """The node objects as they were when vlab had made the cluster; not there for a cluster it was given."""
        return self.folder / "nodes.json"

    @property
    def values(self) -> Path:
        """A site's own values; not there if `vlab up` was given none."""
        return self.folder / VALUES

    @property
    def labels(self) -> dict[str, str]:
        """What everything carries that vlab makes in the cluster."""
        return {MANAGED_BY: "vlab", INSTANCE: self.instance}

    def container_engine(self) -> Engine | None:
        """The engine of its nodes, if vlab made them."""
        return None if self.engine is None else Engine(self.engine, self.own_conf)

    def save(self) -> None:
        """Write the record, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        new = self.folder / "lab.json.new"
        new.write_text(self.model_dump_json(indent=2))
        new.rename(self.folder / "lab.json")


def new(name: str, provider: ProviderName, engine: Engine | None, profile: Profile, workers: int, context: str) -> Lab:
    """A lab that does not exist yet."""
    return Lab(
        name=checked_lab(name),
        instance=uuid4().hex[:12],
        provider=provider,
        engine=engine.name if engine else None,
        own_conf=bool(engine and engine.own_conf),
        profile=profile,
        workers=workers,
        context=context,
        created=datetime.now(UTC).replace(microsecond=0),
    )


def find(name: str) -> Lab | None:
    """The remembered lab of this name, whatever state its cluster is in."""
    file = paths.labs() / checked_lab(name) / "lab.json"
    try:
        return Lab.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except pydantic.ValidationError as e:
        raise LabError(
            f"{file} cannot be read: {e.errors()[0]['msg']}",
            f"move it away; then `vlab up --name {name}` makes the lab anew",
            Exit.NO_LAB,
        ) from e


def get(name: str) -> Lab:
    """The lab of this name.

    Raises:
        LabError: there is none, or its `vlab up` did not finish.
    """
    lab = find(name)
    flag = "" if name == DEFAULT_LAB else f" --name {name}"
    if lab is None:
        raise LabError(f"no lab {name!r} is up", f"run `vlab up{flag}` first", Exit.NO_LAB)
    if lab.state != "ready":
        raise LabError(f"lab {name!r} was never finished", f"run `vlab up{flag}` again; it goes on", Exit.NO_LAB)
    return lab


def every() -> list[Lab]:
    """All labs that are remembered, by name."""
    names = sorted(p.parent.name for p in paths.labs().glob("*/lab.json"))
    return [lab for name in names if (lab := find(name)) is not None]
