"""`pytest graders/test_x.py --evidence FOLDER`: the same checks and the same verdicts, as tests of pytest.

A check that could not be told is an error of pytest's, a failed one a failure with expected, found and help.
"""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from vlab.catalog import exercises
from vlab.errors import LabError
from vlab.evidence import Evidence, load
from vlab.grading.check import Check
from vlab.grading.load import members, ordered, unordered
from vlab.grading.run import judge_all
from vlab.model import CheckResult, Verdict
from vlab.report import words

_EVIDENCE = pytest.StashKey[Evidence]()
_RESULTS = pytest.StashKey[dict[str, CheckResult]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --evidence."""
    parser.addoption("--evidence", type=Path, metavar="FOLDER", help="the recorded evidence that checks judge")


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> "Grader":
    """Every module beside this plugin's conftest.py is a grader."""
    return Grader.from_parent(parent, path=module_path)


class Grader(pytest.Module):
    """A grader file."""

    def collect(self) -> Iterator["Item"]:
        """Its checks, each after those it needs."""
        module: ModuleType = self.obj
        try:
            recorded = _evidence(self.config)
            checks = ordered([*_shared(recorded, self.path), *members(module, self.path)])
            results = judge_all(checks, recorded)
        except LabError as e:
            raise self.CollectError(f"{e.message}\nhint: {e.hint}") from None
        self.stash[_RESULTS] = {result.id: result for result in results}
        for each in checks:
            yield Item.from_parent(self, name=each.function.__name__, check=each.id, line=_line(each.function))


class Item(pytest.Item):
    """One check."""

    def __init__(self, *, check: str, line: int, **rest: Any) -> None:
        super().__init__(**rest)
        self.check = check
        self.line = line

    @property
    def result(self) -> CheckResult:
        """Its verdict."""
        module = self.getparent(Grader)
        assert module is not None  # noqa: S101 - for the type checker
        return module.stash[_RESULTS][self.check]

    def setup(self) -> None:
        """What pytest calls an error is one that happens here; a check that is not run is skipped here."""
        if self.result.verdict is Verdict.ERROR:
            pytest.fail(f"could not tell: {self.result.reason}", pytrace=False)
        if self.result.verdict is Verdict.SKIP:
            pytest.skip(self.result.reason)

    def runtest(self) -> None:
        """Fail if the check failed."""
        if self.result.verdict is Verdict.FAIL:
            said = words.explanations(self.result)
            pytest.fail("\n".join([self.result.title, *(f"{w}: {text}" for w, text in said.items())]), pytrace=False)

    def reportinfo(self) -> tuple[Path, int, str]:
        """File, line and name for pytest's own report."""
        return self.path, self.line, self.check


def _shared(recorded: Evidence, grader: Path) -> tuple[Check, ...]:
    """The checks that the scenario shares with others, if this is its grader."""
    known = exercises().get(recorded.header.scenario)
    if known is None or known.graders[-1].name != grader.name:
        return ()
    return tuple(each for file in known.graders[:-1] for each in unordered(file))


def _line(function: Any) -> int:
    return int(function.__code__.co_firstlineno) - 1


def _evidence(config: pytest.Config) -> Evidence:
    """What --evidence names, read once.

    Raises:
        LabError: it names nothing or no evidence.
    """
    if _EVIDENCE not in config.stash:
        folder = config.getoption("--evidence", None)
        if folder is None:
            raise LabError("graders judge recorded evidence", "name its folder: pytest graders --evidence FOLDER")
        config.stash[_EVIDENCE] = load(folder)
    return config.stash[_EVIDENCE]
