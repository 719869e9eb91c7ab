"""A board's news from the cluster itself: the room that is left, and checks that turn while learners work."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from vlab import catalog, judgement, runs
from vlab.classroom.board.sources import Asked, room
from vlab.classroom.board.state import News, Room, Seen, of_report
from vlab.classroom.model import Class
from vlab.cluster.kube import kube
from vlab.cluster.lab import Lab
from vlab.errors import LabError
from vlab.runs import Run
from vlab.settle import Limits
from vlab.watching.looker import MovedError, light, look

Object = dict[str, Any]
Stamp = frozenset[tuple[str, str]]

EVERY_S = 5.0
_AT_ONCE = 4
"""Looks beside each other: the board must not be what keeps a cluster busy."""
_KINDS = ("pods", "endpointslices")
"""What changes when a mending does something: read once for all namespaces."""


class Live(Asked):
    """The cluster of a class, asked every few seconds: three lists for all, and a look where something has changed and
    is still again. A look sends no load, and nothing of it is kept: only a grading counts."""

    NAME = "cluster"

    def __init__(self, of: Class, lab: Lab, every: float = EVERY_S) -> None:
        super().__init__(every)
        self._of, self._lab = of, lab
        self._cluster = kube(lab)
        self._spaces = {of.namespace(learner): learner for learner in of.learners}
        self._before: Mapping[str, Stamp] = {}
        self._looked: dict[str, Stamp] = {}
        self._room: Room | None = None

    def look(self) -> list[News]:
        """What is new since the last look."""
        try:
            nodes, (pods, slices) = self._cluster.items("nodes"), [self._cluster.items(kind) for kind in _KINDS]
        except LabError as e:
            return self.said(e.message)
        found = self.said("")
        if (left := room(nodes, pods)) != self._room:
            self._room = left
            found.append(left)
        if self._of.is_exam:  # the wall says nothing of verdicts
            return found
        now = stamps([*pods, *slices], self._spaces)
        still = [space for space, stamp in now.items() if self._before.get(space) == stamp != self._looked.get(space)]
        self._before = now
        due = self._at_work(still)[:_AT_ONCE] if still else []
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for run, seen in zip(due, pool.map(self._seen, due), strict=True):
                if seen is not None:
                    self._looked[run.namespace] = now[run.namespace]
                    found.append(seen)
        return found

    def _at_work(self, spaces: Sequence[str]) -> list[Run]:
        """The runs in these namespaces. Every run's record is read for it: not while nothing has changed."""
        by_space = {run.namespace: run for run in runs.of(self._lab) if run.learner == self._slug(run.namespace)}
        return [by_space[space] for space in spaces if space in by_space]

    def _slug(self, space: str) -> str:
        return self._spaces[space].slug if space in self._spaces else ""

    def _seen(self, run: Run) -> Seen | None:
        """What a look says; None if it must be looked at again."""
        if runs.is_at_work(run):
            return None
        exercise = catalog.exercise(run.scenario)
        limits = judgement.LIMITS.get(self._lab.provider, Limits())
        try:
            report = look(run, self._lab, exercise, light(exercise), limits)
        except (MovedError, LabError):
            return None
        return replace(of_report(run.learner, report), source="look")


def stamps(objects: Sequence[Object], spaces: Mapping[str, Any]) -> dict[str, Stamp]:
    """By namespace what tells whether anything in it has changed."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for each in objects:
        metadata = each["metadata"]
        if metadata.get("namespace") in spaces:
            found[metadata["namespace"]].add((metadata["uid"], metadata["resourceVersion"]))
    return {space: frozenset(stamp) for space, stamp in found.items()}
