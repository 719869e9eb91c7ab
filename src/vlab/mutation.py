"""Tests the graders themselves: every check is spoilt on purpose, and some recorded run must notice.

mutmut and cosmic-ray run a test suite in a process of its own for each mutant, which takes hours here, and know no
checks, points and needs.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial, wraps
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from vlab.altered import altered
from vlab.catalog import Exercise
from vlab.errors import LabError
from vlab.evidence import Evidence
from vlab.grading import Check, Mismatch, checks_in, expectations
from vlab.grading.load import members, ordered
from vlab.grading.run import judge
from vlab.grading.views import Views
from vlab.model import CheckResult
from vlab.mutants import changes, used
from vlab.phases import holds

ENOUGH = 0.95
"""The share of mutants that recorded runs must notice."""

_HELPERS = Path(str(expectations.__file__))

Spoil = Callable[[Exercise], Sequence[Check]]
"""Makes the spoilt checks of a scenario."""


@dataclass(frozen=True)
class Mutant:
    """One way in which graders were spoilt."""

    file: str
    name: str
    """What was changed: 'server-ready inverted', 'expect_answered, line 56: a == b -> a != b'."""
    noticed_by: str | None
    """The recorded run, as SCENARIO/PHASE, that is not judged as it must be; None if there is none."""
    altered: bool
    """Whether no run noticed as it was recorded, but one with a fact changed (altered.py)."""


def share(mutants: Sequence[Mutant]) -> float:
    """How much of them was noticed."""
    return sum(m.noticed_by is not None for m in mutants) / len(mutants) if mutants else 1.0


def mutate(scenarios: Sequence[Exercise]) -> Iterator[Mutant]:
    """Spoil the graders of scenarios in every way, and judge their recorded runs by each.

    Raises:
        LabError: nothing is recorded, or something is not judged as it must be by the graders as they stand.
    """
    runs = [_Runs(s) for s in scenarios]
    for run in runs:
        run.prove()
    for file in dict.fromkeys(f for s in scenarios for f in s.graders):
        using = [r for r in runs if file in r.scenario.graders]
        for name, spoil in (*_whole(file, using), *_inside(file)):
            yield Mutant(f"{file.parent.name}/{file.name}", name, *_noticed(spoil, using))
    graders = {file for s in scenarios for file in s.graders}
    named = {name for file in graders for name in _compiled(file).co_names if hasattr(expectations, name)}
    helpers = _HELPERS.read_bytes()
    for name, code in changes(helpers, str(_HELPERS), used(helpers, named)):
        spoil = _with_helpers(_executed(code, "expectations"))
        yield Mutant("grading/expectations.py", name, *_noticed(spoil, runs))


@dataclass(frozen=True)
class _Run:
    """A run with the views that checks share, and the rule for it."""

    name: str
    views: Views
    holds: Callable[[Sequence[CheckResult]], bool]


class _Runs:
    """A scenario's recorded runs, as they are and altered."""

    def __init__(self, scenario: Exercise) -> None:
        self.scenario = scenario
        self.checks = checks_in(*scenario.graders)

    @cached_property
    def recorded(self) -> dict[str, Evidence]:
        """By phase."""
        return {phase: Evidence(file) for phase, file in self.scenario.recorded.items()}

    @cached_property
    def whole(self) -> tuple[_Run, ...]:
        """As they were recorded."""
        return tuple(_Run(p, Views(e), partial(holds, self.scenario, p)) for p, e in self.recorded.items())

    @cached_property
    def altered(self) -> tuple[_Run, ...]:
        """With one fact changed each."""
        made = ((a, Views(a.made(self.recorded[a.of]))) for a in altered(self.scenario))
        return tuple(_Run(f"{a.of} with {a.name}", views, a.holds) for a, views in made)

    def prove(self) -> None:
        """Raises: LabError if these runs can prove nothing."""
        again = f"`vlab gate {self.scenario.id} --record` records them"
        if not self.recorded:
            raise LabError(f"{self.scenario.id} has no recorded runs", again)
        if run := self.refuses(self.checks, altered=False) or self.refuses(self.checks, altered=True):
            raise LabError(f"{self.scenario.id}: its recorded run {run} is not judged as it must be", again)

    def refuses(self, checks: Sequence[Check], *, altered: bool) -> str | None:
        """The first run that is not judged as it must be by checks."""
        runs = self.altered if altered else self.whole
        return next((run.name for run in runs if not run.holds(_judged(checks, run.views))), None)


def _judged(checks: Iterable[Check], views: Views) -> list[CheckResult]:
    results: dict[str, CheckResult] = {}
    for each in checks:
        results[each.id] = judge(each, views, results)
    return list(results.values())


def _noticed(spoil: Spoil, runs: Sequence[_Runs]) -> tuple[str | None, bool]:
    spoilt = [(each, spoil(each.scenario)) for each in runs]
    for changed in (False, True):
        for each, checks in spoilt:
            if run := each.refuses(checks, altered=changed):
                return f"{each.scenario.id}/{run}", changed
    return None, False


def _whole(file: Path, runs: Sequence[_Runs]) -> Iterator[tuple[str, Spoil]]:
    """Every check of a file inverted, dropped, and no longer needed by what earns points."""
    for each in members(_executed(_compiled(file), file.stem), file):
        yield f"{each.id} inverted", _replacing(runs, each.id, _inverted)
        yield f"{each.id} dropped", _replacing(runs, each.id, lambda _: _dropped)
        if not each.points:
            yield f"{each.id} needed by nothing", _unneeded(runs, each.id)


def _replacing(runs: Sequence[_Runs], identifier: str, how: Callable[[Any], Callable[..., None]]) -> Spoil:
    by_scenario = {
        r.scenario.id: [replace(c, function=how(c.function)) if c.id == identifier else c for c in r.checks]
        for r in runs
    }
    return lambda scenario: by_scenario[scenario.id]


def _unneeded(runs: Sequence[_Runs], identifier: str) -> Spoil:
    by_scenario = {
        r.scenario.id: [replace(c, needs=tuple(n for n in c.needs if n != identifier)) for c in r.checks] for r in runs
    }
    return lambda scenario: by_scenario[scenario.id]


def _inverted(function: Callable[..., None]) -> Callable[..., None]:
    @wraps(function)  # and with it the parameters, by which a check gets its views
    def inverted(**views: Any) -> None:
        try:
            function(**views)
        except AssertionError:
            return
        raise Mismatch("the opposite", "what the check asks for")

    return inverted


def _dropped() -> None:
    """Passes, whatever was recorded."""


def _inside(file: Path) -> Iterator[tuple[str, Spoil]]:
    for name, code in changes(file.read_bytes(), str(file)):
        yield name, _with_grader(file, code)


@cache
def _compiled(file: Path) -> CodeType:
    return compile(file.read_bytes(), str(file), "exec", dont_inherit=True)


def _with_grader(spoilt: Path, code: CodeType) -> Spoil:
    def checks(scenario: Exercise) -> Sequence[Check]:
        codes = {f: code if f == spoilt else _compiled(f) for f in scenario.graders}
        return ordered(c for f, each in codes.items() for c in members(_executed(each, f.stem), f))

    return checks


def _with_helpers(helpers: ModuleType) -> Spoil:
    def checks(scenario: Exercise) -> Sequence[Check]:
        found: list[Check] = []
        for file in scenario.graders:
            module = _executed(_compiled(file), file.stem)
            for name, value in list(vars(module).items()):
                if value is not None and value is getattr(expectations, name, None):
                    setattr(module, name, getattr(helpers, name))
            found += members(module, file)
        return ordered(found)

    return checks


def _executed(code: CodeType, name: str) -> ModuleType:
    module = ModuleType(f"vlab_mutants.{name}")
    exec(code, vars(module))  # noqa: S102 - the code of a grader, of which one expression was changed
    return module
