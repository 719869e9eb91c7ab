"""The terminals in which a page's commands are typed: one bash for the page, and another one beside it."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from vlab.site.fences import Fence

PATIENCE_S = 600.0
"""For the commands of one fence; an engine that starts among them."""
FIRST_WORDS_S = 30.0
"""Until something in another terminal says something."""
_TRAP = """trap 'echo "failed $LINENO $? $BASH_COMMAND" >&9' ERR"""
_STRICT = f"set -Eeuo pipefail; {_TRAP}"


class Failed(Exception):
    """A command did not end as the page says; the message says which, and what it said."""


class Session:
    """One bash, in a folder of its own; whatever it began ends with it.

    Args:
        folder: is made.
        env: all of its environment.
        greeting: what is typed first in another terminal.
    """

    def __init__(self, folder: Path, env: Mapping[str, str], greeting: str = "") -> None:
        self.folder, self._env, self._greeting = folder, dict(env), greeting
        self._other: subprocess.Popen[bytes] | None = None
        self._kept = folder / ".fences"
        self._kept.mkdir(parents=True)
        self._complaints = self._kept / "bash"
        self._says, theirs = os.pipe()
        with self._complaints.open("w") as complaints:
            self._process = subprocess.Popen(
                ["bash", "--noprofile", "--norc"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                pass_fds=(theirs,),
                cwd=folder,
                env=self._env,
                start_new_session=True,
            )
        os.close(theirs)
        self._type(f"exec 9>&{theirs} {theirs}>&-; {_STRICT}")

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def _type(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def said(self, fence: Fence) -> str:
        """What the commands of a fence have said until now, to both streams."""
        return self._output(fence).read_text(errors="replace")

    def run(self, fence: Fence, content: str) -> None:
        """Type a fence's commands.

        Raises:
            Failed: one of them ended otherwise than the page says, or they took too long.
        """
        script = self._kept / f"{fence.line}.sh"
        # Its lines have the numbers of the page's: what bash complains of is found there.
        script.write_text("\n" * (fence.line - 1) + content)
        output = self._output(fence)
        output.touch()
        heard = f'source "{script}" </dev/null >"{output}" 2>&1'
        if fence.beside:
            self._type_beside(fence, script)
        elif fence.code:
            self._type(f'set +e; trap - ERR; {heard}; echo "ended $?" >&9; {_STRICT}')
            self._ended(fence)
        else:
            self._type(f"{heard}; echo 'ended 0' >&9")
            self._ended(fence)

    def _output(self, fence: Fence) -> Path:
        return self._kept / f"{fence.line}.out"

    def _type_beside(self, fence: Fence, script: Path) -> None:
        """Type it in the other terminal, where what ran there is ended first; wait until it says something."""
        self._end_other()
        with self._output(fence).open("w") as output:
            self._other = subprocess.Popen(
                ["bash", "--noprofile", "--norc", "-euo", "pipefail", "-c", f'{self._greeting}\nsource "$0"', script],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=self._env,
                start_new_session=True,
            )
        end = time.monotonic() + FIRST_WORDS_S
        while not self.said(fence).strip():
            if self._other.poll() is not None or time.monotonic() > end:
                raise Failed(f"{fence.place}: in another terminal it said nothing, or ended")
            time.sleep(0.1)

    def _ended(self, fence: Fence) -> None:
        heard = b""
        end = time.monotonic() + PATIENCE_S
        while b"ended " not in heard:
            gone = self._process.poll() is not None  # what it began may hold the pipe open when it is gone
            if select.select([self._says], [], [], 0.0 if gone else 0.2)[0]:
                heard += os.read(self._says, 1 << 16)
            if gone:
                raise Failed(self._what_failed(fence, heard.decode(errors="replace")))
            if time.monotonic() > end:
                raise Failed(f"{fence.place}: not done after {PATIENCE_S:.0f} s; it said:\n{self.said(fence)}")
        code = int(heard.rsplit(b"ended ", 1)[1])
        if code != fence.code:
            raise Failed(f"{fence.place}: ended with {code}, not {fence.code}; it said:\n{self.said(fence)}")

    def _what_failed(self, fence: Fence, heard: str) -> str:
        """The innermost command that failed was heard of first."""
        words = heard.splitlines()[0].split(" ", 3) if heard.startswith("failed ") else ["", str(fence.line), "?", ""]
        said = self.said(fence) or self._complaints.read_text()
        return f"{fence.page}:{words[1]}: ended with {words[2]}: {words[3]}\nit said:\n{said}"

    def _end_other(self) -> None:
        if self._other is not None:
            _end(self._other)
            self._other = None

    def end(self) -> None:
        """End whatever still runs."""
        self._end_other()
        _end(self._process)
        assert self._process.stdin is not None
        self._process.stdin.close()
        os.close(self._says)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and those that it began."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
