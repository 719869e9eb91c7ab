"""Runs build steps beside each other, each cached by a key over its inputs and resumable after a kill.

A step writes into a folder with a temporary name, which is renamed when it is whole: a folder under its
final name is never partial. The key covers the step's own inputs and the keys of what it needs, so it is
known before anything is built, and what lies only behind finished steps is never built at all.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from vlab import ui
from vlab.errors import Exit, LabError

Build = Callable[["Work"], None]


@dataclass(frozen=True, eq=False)
class Step:
    """One build step. `inputs` is all that its result depends on besides the steps it `needs`.

    `name` is also the folder under the cache that holds its results; `title` is what the user reads.
    `scratch` names folders that outlive an interrupted run so that the next one goes on from there;
    they must be safe to reuse whatever their state (a compiler's or a downloader's own cache).
    """

    name: str
    title: str
    build: Build
    inputs: Mapping[str, Any]
    needs: tuple["Step", ...] = ()

    @cached_property
    def key(self) -> str:
        """12 hex digits over the inputs and the keys of the needs."""
        text = json.dumps([self.name, dict(self.inputs), [n.key for n in self.needs]], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def path(self, root: Path) -> Path:
        """Where the finished result lies under the cache `root`."""
        return root / self.name / self.key

    def done(self, root: Path) -> bool:
        """Whether the whole result is there."""
        return self.path(root).is_dir()


@dataclass(frozen=True)
class Work:
    """What a running step may use: its output folder, the results it needs, its log and its progress line."""

    root: Path
    """The cache."""
    out: Path
    """The folder to fill; renamed to its final name afterwards."""
    log: Path
    line: ui.Step
    step: Step

    def result(self, step: Step) -> Path:
        """The finished folder of a step that this one needs."""
        return step.path(self.root)

    def scratch(self, name: str) -> Path:
        """A folder that outlives an interrupted run and is shared by all runs: for tools with caches of their own."""
        folder = self.root / "scratch" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


@dataclass
class Pipeline:
    """Brings targets into the cache under `root`, running what is missing and nothing else."""

    root: Path
    log_dir: Path
    after: Callable[[Step], None] = field(default=lambda _: None)
    """Called in the step's thread when it is whole; tests use it to interrupt."""

    def missing(self, targets: Iterable[Step]) -> list[Step]:
        """The steps to run for `targets`, in no order."""
        found: dict[str, Step] = {}
        queue = list(targets)
        while queue:
            step = queue.pop()
            if step.name in found or step.done(self.root):
                continue
            found[step.name] = step
            queue += step.needs
        return list(found.values())

    def ensure(self, targets: Iterable[Step], steps: ui.Steps) -> None:
        """Build what is missing.

        Raises:
            LabError: the first step that failed; steps already running are waited for, none is started.
        """
        todo = {s.name: s for s in self.missing(targets)}
        order = TopologicalSorter({s.name: {n.name for n in s.needs if n.name in todo} for s in todo.values()})
        order.prepare()
        with ThreadPoolExecutor(max_workers=max(1, len(todo)), thread_name_prefix="build") as pool:
            running: dict[Future[None], str] = {}
            try:
                while order.is_active():
                    for name in order.get_ready():
                        running[pool.submit(self._run, todo[name], steps)] = name
                    finished, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in finished:
                        name = running.pop(future)
                        future.result()
                        order.done(name)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _run(self, step: Step, steps: ui.Steps) -> None:
        final = step.path(self.root)
        partial = final.with_name(f"{final.name}.partial")
        remove(partial)
        partial.mkdir(parents=True)
        with steps.step(step.title) as line:
            try:
                step.build(Work(self.root, partial, self.log_dir / f"{step.name}.log", line, step))
            except OSError as e:
                raise LabError(f"{step.title}: {e.strerror or e}", _cure(e, self.root), Exit.BUILD) from e
            partial.rename(final)
        self.after(step)


def remove(folder: Path) -> None:
    """Delete a folder that may not be there, as a whole or not at all as far as its name is concerned."""
    if folder.exists() or folder.is_symlink():
        doomed = folder.with_name(f"{folder.name}.removing-{os.getpid()}")
        folder.rename(doomed)
        shutil.rmtree(doomed)


def digest(paths: Iterable[Path]) -> str:
    """A hash over the contents and relative order of files: the `inputs` entry of a step that copies them."""
    h = hashlib.sha256()
    for path in paths:
        h.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return h.hexdigest()[:16]


def _cure(error: OSError, root: Path) -> str:
    if error.errno == 28:  # ENOSPC
        return f"free some space on the disk of {root} (`vlab cache --prune` helps), then run the command again"
    return "run the command again; if it fails again, `vlab doctor` says what is wrong with this machine"
