"""Reads grader files: each is imported once, with pytest's assertion rewriting, and refused if it makes no sense."""

import ast
import difflib
import inspect
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import CodeType, ModuleType

from vlab import paths
from vlab.errors import LabError
from vlab.grading.check import Check
from vlab.grading.views import COLLECTED_BY, VIEWS

SAFEGUARDS = "safeguards"
"""Among a check's needs: every check of the grading that earns no points."""


def grader_file(identifier: str) -> Path:
    """The grader of a task or a scenario.

    Raises:
        LabError: there is none; the hint names the nearest.
    """
    known = {f.stem.removeprefix("test_").replace("_", "-"): f for f in paths.data("graders").glob("test_*.py")}
    if identifier in known:
        return known[identifier]
    near = difflib.get_close_matches(identifier, known, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}?" if near else f"there are graders for: {', '.join(sorted(known))}"
    raise LabError(f"nothing grades {identifier!r}", hint)


def checks_in(*files: Path) -> tuple[Check, ...]:
    """The checks of grader files as they are written, but each after those it needs.

    Raises:
        LabError: a file cannot be imported, or its checks make no sense: two of one id, a need that is not
            there, needs in a circle, a parameter that is no view.
    """
    return _ordered(files)


@cache
def _ordered(files: tuple[Path, ...]) -> tuple[Check, ...]:
    return ordered([each for file in files for each in unordered(file)])


def refuse_uncollected(files: Iterable[Path], collected: Iterable[str]) -> None:
    """Raises: LabError if a check asks for a view of what a scenario does not collect."""
    for each in checks_in(*files):
        for name in inspect.signature(each.function).parameters:
            if missing := sorted(COLLECTED_BY.get(name, frozenset()) - set(collected)):
                words = f"check {each.id} asks for {name!r}, which needs {missing[0]!r} among what is collected"
                raise LabError(f"{_file_of(each)}: {words}", f"add {missing[0]} to `collect` in scenario.yaml")


def unordered(file: Path) -> list[Check]:
    """The checks of one grader file as they are written; what they need may be in another one."""
    return members(_imported(file), file)


def members(module: ModuleType, file: Path) -> list[Check]:
    """The checks of an imported grader.

    Raises:
        LabError: a test of it is no check, or a check would not be seen by pytest.
    """
    functions = {n: f for n, f in vars(module).items() if n.startswith("test_") or hasattr(f, "check")}
    for name, function in functions.items():
        if not hasattr(function, "check"):
            raise _wrong(file, f"{name} has no @check, so it would not be graded")
        if not name.startswith("test_"):
            raise _wrong(file, f"{name} is a check, but pytest sees only names that begin with test_")
        _known_views(file, function.check)
    return [function.check for function in functions.values()]


def _known_views(file: Path, each: Check) -> None:
    for name in inspect.signature(each.function).parameters:
        if name not in VIEWS:
            near = difflib.get_close_matches(name, VIEWS, n=1)
            raise _wrong(file, f"check {each.id} asks for {name!r}" + (f"; did it mean {near[0]!r}?" if near else ""))


def ordered(found: Iterable[Check]) -> tuple[Check, ...]:
    """Checks in their order, but each after those it needs; a need of SAFEGUARDS is spelled out.

    Raises:
        LabError: two have one id, a need is not there, or needs go in a circle.
    """
    by_id: dict[str, Check] = {}
    for each in found:
        if each.id in by_id:
            raise _wrong(_file_of(each), f"two checks are called {each.id}")
        if each.id == SAFEGUARDS:
            raise _wrong(_file_of(each), f"no check can be called {SAFEGUARDS}: it means all without points")
        by_id[each.id] = each
    by_id = _with_safeguards(by_id)
    for each in by_id.values():
        if missing := [need for need in each.needs if need not in by_id]:
            raise _wrong(_file_of(each), f"check {each.id} needs {missing[0]}, which is no check")
    try:
        TopologicalSorter({c.id: c.needs for c in by_id.values()}).prepare()
    except CycleError as e:
        any_of = by_id[e.args[1][0]]
        raise _wrong(_file_of(any_of), f"checks need each other in a circle: {' -> '.join(e.args[1])}") from None
    placed: dict[str, Check] = {}
    for identifier in by_id:
        _place(identifier, by_id, placed)
    return tuple(placed.values())


def _with_safeguards(by_id: Mapping[str, Check]) -> dict[str, Check]:
    """Checks with the ids of all safeguards but themselves where one needs SAFEGUARDS."""

    def needs(each: Check) -> tuple[str, ...]:
        every = [c.id for c in by_id.values() if not c.points and c is not each]
        spelled = [n for need in each.needs for n in (every if need == SAFEGUARDS else [need])]
        return tuple(dict.fromkeys(spelled))

    return {each.id: replace(each, needs=needs(each)) for each in by_id.values()}


def _place(identifier: str, by_id: Mapping[str, Check], placed: dict[str, Check]) -> None:
    for need in by_id[identifier].needs:
        _place(need, by_id, placed)
    placed.setdefault(identifier, by_id[identifier])


def _file_of(each: Check) -> Path:
    return Path(each.function.__code__.co_filename)


def _imported(file: Path) -> ModuleType:
    """Run a grader as a module whose plain asserts say what they compared.

    Raises:
        LabError: it cannot be read or run.
    """
    module = ModuleType(f"vlab_graders.{file.stem}")
    module.__file__ = str(file)
    sys.modules[module.__name__] = module
    try:
        exec(_compiled(file), vars(module))  # noqa: S102 - a grader is code of whoever grades
    except Exception as e:
        raise _wrong(file, f"{type(e).__name__}: {e}") from e
    return module


def _compiled(file: Path) -> CodeType:
    from _pytest.assertion.rewrite import rewrite_asserts

    source = file.read_bytes()
    tree = ast.parse(source, str(file))
    rewrite_asserts(tree, source, str(file))
    return compile(tree, str(file), "exec", dont_inherit=True)


def _wrong(file: Path, words: str) -> LabError:
    return LabError(f"{file}: {words}", "mend the grader; those in graders/ show how one is written")


def resolve(grader: Path | Sequence[Path] | str) -> tuple[Path, ...]:
    """Grader files from a file, several, or the id of a task or scenario."""
    if isinstance(grader, str):
        return (grader_file(grader),)
    return (grader,) if isinstance(grader, Path) else tuple(grader)
