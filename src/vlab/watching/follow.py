"""Follows what a looker says: on a terminal as a picture with keys, elsewhere as a line for each verdict that turns."""

import queue
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vlab import ui
from vlab.errors import Exit, LabError
from vlab.watching import picture
from vlab.watching.state import Change, State, changes, one_line, tally
from vlab.watching.terminal import Terminal

News = queue.SimpleQueue[State | Exception]

_HEARTBEAT_S = 1.0
"""A signal that comes just before a wait begins is heard when it ends."""


@dataclass(frozen=True)
class Until:
    """When it ends by itself."""

    passed: bool = False
    """As soon as every check passes."""
    end: float | None = None
    """At this time, on a clock that never steps."""

    @property
    def left(self) -> float | None:
        """Seconds, none of them negative; None: for ever."""
        return None if self.end is None else max(0.0, self.end - time.monotonic())


@dataclass(frozen=True)
class Ended:
    """How it ended."""

    why: str
    """passed, timeout or quit."""
    code: Exit


def as_log(news: News, until: Until, tell: Callable[[Change], None]) -> Ended:
    """Tell each change of a verdict; on stderr, what keeps it from being looked at.

    Raises:
        LabError: nothing more can come of it.
    """
    state = State()
    while True:
        left = until.left
        try:
            new = news.get(timeout=_HEARTBEAT_S if left is None else min(left, _HEARTBEAT_S))
        except queue.Empty:
            if until.left == 0:
                return Ended("timeout", state.code)
            continue
        if isinstance(new, Exception):
            raise new
        for change in changes(state, new):
            tell(change)
        if new.problem and new.problem != state.problem:
            ui.say(one_line(new.problem))
        state = new
        if until.passed and state.passed:
            return Ended("passed", Exit.OK)


class Screen:
    """The picture, and what its keys do.

    Args:
        commands: by key, what is run in the terminal as it was before. A reset is asked about first.
    """

    RESET = "r"

    def __init__(self, title: str, terminal: Terminal, commands: Mapping[str, Callable[[], object]]) -> None:
        self._title = title
        self._terminal = terminal
        self._commands = commands
        self._state = State()
        self._asking = False

    def follow(self, news: News, until: Until) -> Ended:
        """Show what there is, until it ends; the tally stays behind.

        Raises:
            LabError: nothing more can come of it.
        """
        with self._terminal:
            ended = self._follow(news, until)
        ui.say(tally(self._state))
        return ended

    def _follow(self, news: News, until: Until) -> Ended:
        while True:
            self._hear(news)
            if until.passed and self._state.passed:
                return Ended("passed", Exit.OK)
            if until.left == 0:
                return Ended("timeout", self._state.code)
            self._terminal.show(lambda w, h: picture.lines(self._state, self._title, w, h, asking=self._asking))
            try:
                pressed = self._terminal.wait(until.left)
            except EOFError:
                return Ended("quit", Exit.OK)
            for key in pressed.lower():
                if key == "q" and not self._asking:
                    return Ended("quit", Exit.OK)
                self._press(key)

    def _hear(self, news: News) -> None:
        while not news.empty():
            new = news.get()
            if isinstance(new, Exception):
                raise new
            self._state = new

    def _press(self, key: str) -> None:
        if self._asking:
            self._asking = False
            if key == "y":
                self._run(self._commands[self.RESET])
        elif key == self.RESET:
            self._asking = True
        elif key in self._commands:
            self._run(self._commands[key])

    def _run(self, command: Callable[[], object]) -> None:
        with self._terminal.left():
            try:
                command()
            except LabError as e:
                ui.fail(e)
            ui.say("Enter goes back to watching", style="dim")
            sys.stdin.readline()
