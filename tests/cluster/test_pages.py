"""Every command on a page is run, in the page's order, and says what the page shows.

With `--update` pages are given what was said where it is not what they show. VLAB_PAGES_MINUTES is what it spends, or
what `make test` has left: the commit draws the order, and what there was no time for is printed as "not run".
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import NAME, SCRIPT, TIMES, seconds_for
from sessions import Failed, Session
from vlab import catalog, exercise, freshness, runs
from vlab.cluster.kube import Kube
from vlab.cluster.lab import Lab
from vlab.deployment import names
from vlab.names import DEFAULT_LAB, DEFAULT_LEARNER
from vlab.runs import Run
from vlab.scripts import run_script
from vlab.selection import drawn
from vlab.settings import NAMESPACE
from vlab.site import fences
from vlab.site.fences import Fence

pytestmark = [pytest.mark.cluster, pytest.mark.budgeted, pytest.mark.timeout(1200)]

ROOT = Path(__file__).parents[2]
_ENV = 'eval "$(vlab env)"'
MINUTES = 4.0
TASKS = {str(task.page.relative_to(ROOT)): task.id for task in catalog.tasks().values()}


def _pages() -> list[str]:
    """Those with commands that are run."""
    every = [ROOT / "README.md", *sorted((ROOT / "site").rglob("*.md")), *sorted((ROOT / "labs").glob("*.md"))]
    named = [(str(page.relative_to(ROOT)), page.read_text()) for page in every]
    run = [page for page, text in named if any(f.is_run for f in fences.fences(page, text))]
    return drawn(run, freshness.commit())


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of this checkout: pages may add to it."""
    copy = tmp_path_factory.mktemp("checkout")
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    for name in (n for n in names if n and (ROOT / n).is_file()):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    yield copy
    shutil.rmtree(copy)


@pytest.fixture
def session(tmp_path: Path, checkout: Path, lab: Lab, cluster: Kube) -> Iterator[Session]:
    """A terminal in a folder that has what a checkout has; in the end no exercise is deployed."""
    own = {"VLAB_NAME": NAME, "PATH": f"{SCRIPT.parent}:{os.environ['PATH']}", "COLUMNS": "100"}
    own["PYTHONPATH"] = str(checkout / "src")  # the copy is the vlab that is used
    env = {k: v for k, v in os.environ.items() if k not in ("KUBECONFIG", "VLAB_LEARNER")}
    with Session(tmp_path / "work", {**env, **own}, _ENV) as typed:
        (typed.folder / ".venv").symlink_to(sys.prefix)
        for part in (f for f in checkout.iterdir() if not f.name.startswith(".")):
            (typed.folder / part.name).symlink_to(part)
        yield typed
    exercise.remove(cluster, lab, NAMESPACE)


@pytest.fixture(scope="module")
def seconds(up: None) -> float:
    """What may be spent on all pages."""
    return seconds_for("VLAB_PAGES_MINUTES", MINUTES)


@pytest.mark.parametrize("page", _pages())
def test_what_a_page_says_is_what_happens(
    page: str, seconds: float, session: Session, lab: Lab, pytestconfig: pytest.Config
) -> None:
    times = pytestconfig.stash.setdefault(TIMES, {})
    if not pytestconfig.getoption("update") and sum(times.values()) > seconds:
        pytest.skip("not run: no time is left for it")
    began = time.monotonic()
    file = ROOT / page
    reader = Reader(page, file.read_text(), session, lab)
    reader.read()
    times[page] = time.monotonic() - began
    other = reader.other()
    if pytestconfig.getoption("update"):
        file.write_text(fences.updated(file.read_text(), {f.output.line: said for f, said in other if f.output}))
        return
    told = "\n".join(f"{f.place} says otherwise:\n{fences.difference(f.output.content, s)}" for f, s in other)
    assert not told, f"{told}\n`pytest tests/cluster/test_pages.py --update` writes what is said now"


class Reader:
    """Somebody who does what a page says."""

    def __init__(self, page: str, text: str, session: Session, lab: Lab) -> None:
        self.fences = fences.fences(page, text)
        self._session, self._lab = session, lab
        self._exercise = TASKS.get(page) or fences.exercise(text)
        self._files: set[str] = set()

    @property
    def _run(self) -> Run | None:
        """The run whose names the page has, once it was started."""
        return runs.load(self._lab, catalog.exercise(self._exercise), DEFAULT_LEARNER) if self._exercise else None

    def read(self) -> None:
        """Do all of it."""
        if self._exercise:
            first = Fence("before the page", 1, fences.COMMANDS, "", "", {})
            self._session.run(first, f"vlab start {self._exercise} --replace\n{_ENV}\n")
        for fence in self.fences:
            if fence.title:
                self._write(fence)
            elif fence.is_run:
                if fence.yours:
                    self._write_yours(fence.yours)
                self._do(fence)

    def _do(self, fence: Fence) -> None:
        try:
            self._session.run(fence, self._filled(fence.content))
        except Failed as e:
            pytest.fail(str(e), pytrace=False)

    def _write(self, fence: Fence) -> None:
        with (self._session.folder / fence.title).open("a") as file:
            file.write(self._filled(fence.content))

    def _write_yours(self, script: str) -> None:
        parts = Path(script).parts
        known = catalog.exercise(parts[1] if parts[0] == "scenarios" else str(self._exercise))
        run = runs.load(self._lab, known, DEFAULT_LEARNER)
        run_script(run, self._lab, known, ROOT / script, self._session.folder)

    def _filled(self, text: str) -> str:
        return catalog.filled(text, names(self._run)) if self._run else text

    def other(self) -> list[tuple[Fence, str]]:
        """Fences whose output is not the one that is shown, and theirs, in the page's own words."""
        found = []
        for fence in self.fences:
            if not fence.is_run or fence.output is None:
                continue
            said = _as_elsewhere(self._session.said(fence))
            if not fences.agree(self._filled(fence.output.content), said):
                found.append((fence, self._named(said)))
        return found

    def _named(self, said: str) -> str:
        """An output with the page's names in the place of their values."""
        if self._run is None:
            return said
        values = names(self._run)
        used = {n for f in self.fences if f.is_run for n in values if f"{{{n}}}" in f.content}
        for name in sorted(used, key=lambda n: -len(str(values[n]))):
            if len(str(values[name])) >= _TELLING:
                said = said.replace(str(values[name]), f"{{{name}}}")
        return said


def _as_elsewhere(said: str) -> str:
    """An output with the name that a lab has by default, in columns of the same width, and with nobody's own folder."""
    room = " " * (len(NAME) - len(DEFAULT_LAB))
    said = re.sub(rf"{NAME}(\S*)(?=  )", rf"{DEFAULT_LAB}\1{room}", said)
    return said.replace(NAME, DEFAULT_LAB).replace(str(Path.home()), "~")


_TELLING = 6
"""Characters of a value that is recognised in an output: a shorter one may stand there for something else."""
