"""`vlab watch` beside somebody who mends an exercise: verdicts turn by themselves, and nobody is asked for nothing."""

import json
import os
import pty
import select
import signal
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import NAME, SCRIPT
from vlab.cluster.gpus import offered

pytestmark = pytest.mark.cluster

SCENARIO = "four-gpu-pending"
PATIENCE_S = 400.0
"""An engine starts, and is asked."""
BACK = b"\x1b[?1049l"
"""What brings back the screen that was there before."""


class Watching:
    """`vlab watch` in the background, with its stdout a pipe or a terminal of 80x24."""

    def __init__(self, folder: Path, *arguments: str, terminal: bool = False) -> None:
        self.said = folder / ("on-a-terminal" if terminal else "piped")
        self._ours, theirs = pty.openpty() if terminal else os.pipe()
        if terminal:
            termios.tcsetwinsize(self._ours, (24, 80))
        env = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
        with self.said.open("w") as stderr:
            self.process = subprocess.Popen(
                [SCRIPT, "watch", SCENARIO, *arguments],
                stdin=theirs if terminal else subprocess.DEVNULL,
                stdout=theirs,
                stderr=stderr,
                env={**env, "VLAB_NAME": NAME, "TERM": "xterm-256color"},
                start_new_session=True,
            )
        os.close(theirs)
        self.raw = b""
        self.events: list[dict] = []

    def _more(self, end: float) -> bool:
        """Read what comes next; False at its end."""
        ready, _, _ = select.select([self._ours], [], [], max(0.0, end - time.monotonic()))
        assert ready, f"nothing more came; stderr: {self.said.read_text()}; stdout ends: {self.raw[-2000:]!r}"
        try:
            piece = os.read(self._ours, 1 << 16)
        except OSError:  # a terminal that nobody has open any more
            return False
        self.raw += piece
        return bool(piece)

    def press(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def shows(self, text: bytes) -> None:
        """Wait until the terminal shows a text that it had not shown before, or shows it again."""
        end = time.monotonic() + PATIENCE_S
        while text not in self.raw:
            assert self._more(end), self.said.read_text()
        self.raw = self.raw.split(text, 1)[1]

    def until(self, check: str, verdict: str) -> dict:
        """The event with which a check has become so; each line is JSON and nothing else."""
        end = time.monotonic() + PATIENCE_S
        while True:
            *lines, self.raw = self.raw.split(b"\n")
            self.events += map(json.loads, lines)
            for event in self.events:
                if (event.get("id"), event.get("verdict")) == (check, verdict):
                    self.events.remove(event)
                    return event
            assert self._more(end), self.said.read_text()

    def ended(self) -> tuple[int, list[dict]]:
        """Its exit code, and the events that `until` has not given."""
        end = time.monotonic() + PATIENCE_S
        while self._more(end):
            pass
        self.events += map(json.loads, self.raw.splitlines())
        return self.process.wait(60), self.events

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


@pytest.fixture
def watch(clean, vlab, tmp_path) -> Iterator:
    """Begins to watch the exercise, which has just been started."""
    assert vlab("start", SCENARIO).returncode == 0
    begun: list[Watching] = []

    def begin(*arguments: str, terminal: bool = False) -> Watching:
        begun.append(Watching(tmp_path, *arguments, terminal=terminal))
        return begun[-1]

    yield begin
    for each in begun:
        each.kill()


def test_verdicts_turn_while_it_is_mended_until_all_pass(watch, vlab):
    """For two who watch it, one of them on a terminal: JSON is the same there."""
    words = ("--until-passed", "--json", "--timeout", str(PATIENCE_S))
    both = [watch(*words), watch(*words, terminal=True)]
    for watched in both:
        red = watched.until("server-ready", "fail")
        assert red["was"] is None
        assert "Insufficient nvidia.com/gpu" in red["actual"]
        assert watched.until("model-answers", "skip")

    assert vlab("solve", SCENARIO).returncode == 0
    for watched in both:
        assert watched.until("server-ready", "pass")["was"] in ("fail", "error")
        code, events = watched.ended()
        assert events[-1]["kind"] == "end"
        assert (code, events[-1]["why"], events[-1]["code"]) == (0, "passed", 0)
        assert events[-1]["looks"] >= 2
        last = {e["id"]: e["verdict"] for e in events if e["kind"] == "verdict"}
        assert last["model-answers"] == "pass"
    assert vlab("grade", SCENARIO).returncode == 0


def test_while_nothing_happens_the_api_is_asked_nothing(watch):
    code, events = watch("--json", "--timeout", "60").ended()
    end = events[-1]
    assert (code, end["why"]) == (1, "timeout")
    assert end["looks"] >= 1
    assert end["idle_seconds"] > 15
    assert end["asked_while_idle"] == {"calls": 0, "commands": 0, "watches": 0}


def test_what_is_done_to_a_node_turns_a_verdict_and_a_signal_ends_it(watch, cluster):
    node = next(n["metadata"]["name"] for n in cluster.items("nodes") if offered(n))
    watched = watch("--json")
    assert watched.until("nodes-untouched", "pass")["was"] is None
    try:
        cluster.patch("nodes", node, {"metadata": {"labels": {"learner": "was-here"}}})
        assert watched.until("nodes-untouched", "fail")["was"] == "pass"
    finally:
        cluster.patch("nodes", node, {"metadata": {"labels": {"learner": None}}})
    assert watched.until("nodes-untouched", "pass")["was"] == "fail"
    watched.process.send_signal(signal.SIGTERM)
    code, events = watched.ended()
    assert (code, events[-1]["why"]) == (130, "interrupted")


def test_on_a_terminal_there_is_a_picture_and_keys(watch):
    watched = watch(terminal=True)
    watched.shows(b"checks passed")
    watched.shows(b"q quit")
    watched.press(b"h")
    watched.shows(BACK)
    watched.shows(b"Where to look")
    watched.press(b"\n")
    watched.shows(b"q quit")
    watched.press(b"q")
    watched.shows(BACK)
    assert watched.process.wait(60) == 0
    assert "checks passed" in watched.said.read_text()
