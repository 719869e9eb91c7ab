"""rubric.yaml: what a right recommendation for one scenario says, in the vocabulary's names."""

from functools import cache
from pathlib import Path
from typing import Literal

import pydantic
import yaml

from vlab.catalog import Exercise
from vlab.errors import LabError
from vlab.rubric import vocabulary


class _Part(pydantic.BaseModel, frozen=True, extra="forbid"):
    """A part of a rubric."""


class Pressures(_Part):
    """Where the bottleneck is, and where a learner may wrongly see it."""

    right: tuple[str, ...]
    """Any of them is right."""
    wrong: tuple[str, ...] = ()
    """Those that the incident tempts to see."""
    beside: str | None = None
    """A class of words that must be spoken of with it: one pressure may be right only as contention with somebody."""


class Changes(_Part):
    """What acts on the bottleneck, by the names of the vocabulary's changes."""

    act: tuple[str, ...]
    """Any of them is right."""
    act_on_batch: tuple[str, ...] = ()
    """Those that act where they are for the batch's requests alone."""
    batch_priority: int = 0
    """The priority that the batch's requests ask for by themselves."""


class Vetoes(_Part):
    """Known mistakes."""

    always: tuple[str, ...] = ()
    """Mistakes whatever else is said."""
    unproven: tuple[str, ...] = ()
    """Mistakes unless the text has shown that memory is short and asks for more of it: then they act."""
    alone: tuple[str, ...] = ()
    """Mistakes where nothing that acts is proposed beside them."""


class Validation(_Part):
    """What shows that the change did what it should."""

    moves: dict[str, Literal["up", "down"]] = {}
    """Metrics, and which way they go."""
    signs: tuple[str, ...] = ()
    """What else may be seen."""
    load: str
    """Under what it has to be seen."""
    not_under: str | None = None
    """What would show nothing, unless `unless` is there too."""
    unless: str | None = None
    """With this beside it, what `not_under` names is enough."""


class Diagnosis(_Part):
    """The failing layer, and layers that may be named for it too."""

    layer: str
    """Where the fault is."""
    also: tuple[str, ...] = ()
    """Those that may be named besides."""


class Rubric(_Part):
    """rubric.yaml."""

    signals: tuple[str, ...]
    """What this incident shows; those that the run at hand does not have do not count."""
    numbers: tuple[str, ...]
    """Metrics whose numbers are compared with the run's."""
    pressures: Pressures
    """Where the bottleneck is."""
    changes: Changes
    """What acts on it."""
    vetoes: Vetoes
    """What must not be proposed."""
    validation: Validation
    """What shows that it worked."""
    diagnosis: Diagnosis
    """What a right diagnosis names."""

    @pydantic.model_validator(mode="after")
    def _names_are_known(self) -> "Rubric":
        ways = [w for c in vocabulary.changes().values() for w in (c.up, c.down, c.on, c.off, c.id) if w]
        changes = {*vocabulary.changes(), *ways, *SETTLED}
        named = {
            "signal": (self.signals, vocabulary.signals()),
            "metric": ((*self.numbers, *self.validation.moves), vocabulary.metrics()),
            "pressure": ((*self.pressures.right, *self.pressures.wrong), vocabulary.pressures()),
            "change": (
                (
                    *self.changes.act,
                    *self.changes.act_on_batch,
                    *self.vetoes.always,
                    *self.vetoes.alone,
                    *self.vetoes.unproven,
                ),
                changes,
            ),
            "layer": ((self.diagnosis.layer, *self.diagnosis.also), vocabulary.layers()),
            "check": ((*self.validation.signs, self.validation.load), vocabulary.checks()),
        }
        for kind, (names, known) in named.items():
            for name in names:
                if name not in known:
                    raise ValueError(f"no {kind} of the vocabulary is called {name!r}")
        return self


SETTLED = frozenset({"chat-first", "batch-first", "shm-too-small", "shm-on-disk", "shm-elsewhere"})
"""Changes that several sentences decide together: see proposals.py."""


def rubric(scenario: Exercise) -> Rubric:
    """The rubric of an exercise.

    Raises:
        LabError: it has none, or a wrong one.
    """
    return _read(scenario.rubric_file)


@cache
def _read(file: Path) -> Rubric:
    try:
        return Rubric.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise LabError(
            f"{file.parent.name} has no rubric.yaml", "written answers of this scenario are not judged"
        ) from None
    except yaml.YAMLError as e:
        raise LabError(f"{file} is not YAML: {e}", "mend the file") from e
    except pydantic.ValidationError as e:
        first = e.errors()[0]
        raise LabError(f"{file}: {'.'.join(map(str, first['loc']))}: {first['msg']}", "mend the file") from e
