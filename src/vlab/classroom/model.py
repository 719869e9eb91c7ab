"""What a class is: its learners, what each may use, and its rules. Frozen; `store` keeps it."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import pydantic

from vlab import paths

LONGEST_CLASS = 20
LONGEST_SLUG = 40
"""Together with a dash they fit into a namespace's 63 characters."""


class Learner(pydantic.BaseModel, frozen=True, extra="forbid"):
    """One line of a roster."""

    slug: str
    """Unique in the class and safe as a label, a part of a namespace's name and a folder: `ana-lopez-1f3c2`."""
    key: str
    """What tells them apart in the roster: the number or login, else the address, else the name. As it stands there."""
    name: str
    """As it stands in the roster; for people, never part of a command or a name in the cluster."""
    columns: dict[str, str] = {}
    """The whole line, by the roster's own headings: exports give it back."""


class Quota(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What one learner's namespace may hold, in Kubernetes' quantities."""

    gpus: int = pydantic.Field(4, ge=0)
    """Asked for by pods: as many as a fault may ask for, or it would be refused instead of being seen."""
    cpu: str = "4"
    memory: str = "14Gi"
    """Of limits: two engines of the cpu profile fit."""
    storage: str = "200Gi"
    """Of all claims together."""
    pods: int = pydantic.Field(20, ge=1)


class Hints(pydantic.BaseModel, frozen=True, extra="forbid"):
    """Which hints learners may see."""

    most: int = pydantic.Field(3, ge=0)
    """So many of an exercise's; 0: none."""
    after_minutes: float = pydantic.Field(0.0, ge=0)
    """From the start to the first, and from each to the next."""


class Class(pydantic.BaseModel, frozen=True, extra="forbid"):
    """A class on a lab's cluster."""

    name: str
    uid: str
    """A class of the same name that is made anew has another."""
    lab: str
    lab_instance: str
    created: pydantic.AwareDatetime
    learners: tuple[Learner, ...]
    quota: Quota = Quota()
    hints: Hints = Hints()
    hours: float = pydantic.Field(12.0, gt=0)
    """How long a kubeconfig is valid; `vlab class extend` renews it."""
    ends: pydantic.AwareDatetime | None = None
    """Of an exam: no kubeconfig is valid longer, no hint is shown, and no running score."""
    extra_minutes: dict[str, float] = {}
    """Of an exam, by learner's slug: so much later it ends for them."""
    closed: pydantic.AwareDatetime | None = None
    """When it was taken off its cluster; what was graded stays."""
    counts: Literal["best", "last"] = "best"
    """Which grading of an exercise the gradebook counts."""

    @property
    def folder(self) -> Path:
        """Everything that vlab keeps about it, but for runs, which lie with their lab."""
        return folder(self.name)

    @property
    def is_exam(self) -> bool:
        """Whether it has an end."""
        return self.ends is not None

    @property
    def system(self) -> str:
        """The namespace with the learners' accounts, where no learner may do anything."""
        return f"vlab-class-{self.name}"

    def namespace(self, learner: Learner) -> str:
        """The learner's own."""
        return f"{self.name}-{learner.slug}"

    def kubeconfig(self, learner: Learner) -> Path:
        """The file that is given to the learner."""
        return self.folder / "kubeconfigs" / f"{learner.slug}.yaml"

    def ends_for(self, learner: Learner) -> datetime | None:
        """When the exam ends for a learner; None if it is none."""
        return None if self.ends is None else self.ends + timedelta(minutes=self.extra_minutes.get(learner.slug, 0.0))


def folder(name: str) -> Path:
    """Where a class of this name is kept."""
    return paths.state() / "classes" / name
