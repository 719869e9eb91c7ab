"""Chooses what is lived through in bounded time: what changed since it was recorded, stalest first, and one canary."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

BUDGET_MINUTES = 4.0
PHASE_S = 30.0
"""What a phase takes before any was measured."""


@dataclass(frozen=True)
class Known:
    """What is known of a scenario without a lab."""

    id: str
    always: tuple[str, ...]
    """The phases that are always lived through."""
    mendings: tuple[str, ...]
    """The others."""
    changed: bool
    """Whether anything differs from what its recorded runs were made from, or one was never recorded."""
    recorded: datetime | None
    """When the oldest of its runs was recorded."""


def chosen(known: Iterable[Known], commit: str) -> tuple[Known, ...]:
    """The scenarios to live through: all that changed, stalest first, and one more that the commit draws."""
    every = sorted(known, key=lambda k: (k.recorded or datetime.min.replace(tzinfo=UTC), k.id))
    changed = [k for k in every if k.changed]
    same = {k.id: k for k in every if not k.changed}
    canary = [same[i] for i in drawn(same, commit)[:1]]
    return (*changed, *canary)


def drawn(names: Iterable[str], commit: str) -> list[str]:
    """Names in an order that each commit has its own of."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{commit}\0{name}".encode()).digest())


class Spending:
    """Deals out a budget while it is spent: a scenario's own share is what is left by those that wait.

    Args:
        clock: tells seconds.
    """

    def __init__(
        self, scenarios: Sequence[Known], budget_s: float, commit: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._commit, self._clock = commit, clock
        self._waiting = len(scenarios)
        self._end = clock() + budget_s
        self._measured = [PHASE_S]
        self.not_run: list[str] = []
        """What there was no time for: SCENARIO, or SCENARIO PHASE."""

    @property
    def _phase_s(self) -> float:
        return sum(self._measured) / len(self._measured)

    def phases(self, known: Known) -> Iterator[str]:
        """The phases of the next scenario; each is lived through before the next one is asked for."""
        left = self._end - self._clock()
        mine = self._clock() + left / self._waiting
        self._waiting -= 1
        if left < len(known.always) * self._phase_s:
            self.not_run.append(known.id)
            return
        *first, last = known.always
        for name in first:
            yield from self._timed(name)
        for name in drawn(known.mendings, self._commit):
            if self._clock() + 2 * self._phase_s <= mine:  # and the last one must fit as well
                yield from self._timed(name)
            else:
                self.not_run.append(f"{known.id} {name}")
        yield from self._timed(last)

    def _timed(self, name: str) -> Iterator[str]:
        began = self._clock()
        yield name
        self._measured.append(self._clock() - began)
