"""A terminal that shows pictures and hears single keys, and is as it was afterwards, whatever happens."""

import os
import re
import select
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType

from rich.console import Console, Group
from rich.text import Text

_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|O.|.)?", re.DOTALL)
"""What arrows, function keys and Alt send."""
_INTERRUPTS = {signal.SIGINT, signal.SIGTERM}


class Terminal:
    """The other screen of the terminal that stdin and stdout are, within a `with` block of the main thread."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._keyboard = sys.stdin.fileno()
        self._heard, self._rung = os.pipe()
        os.set_blocking(self._heard, False)
        os.set_blocking(self._rung, False)
        self._entered = ExitStack()
        self._stopped = False

    def __enter__(self) -> "Terminal":
        self._enter()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()

    def ring(self) -> None:
        """End a `wait`; from any thread."""
        try:
            os.write(self._rung, b".")
        except BlockingIOError:  # it rings already
            return

    def wait(self, seconds: float | None) -> str:
        """Keys that were pressed, at most after so many seconds; empty if none was, but somebody rang.

        Raises:
            EOFError: there is no keyboard any more.
        """
        ready, _, _ = select.select([self._keyboard, self._heard], [], [], seconds)
        if self._heard in ready:
            os.read(self._heard, 1 << 12)
        if self._stopped:
            self._stopped = False
            with self.left():
                os.kill(os.getpid(), signal.SIGSTOP)  # until `fg`
        if self._keyboard not in ready:
            return ""
        pressed = os.read(self._keyboard, 1 << 10)
        if not pressed:
            raise EOFError
        return _ESCAPES.sub("", pressed.decode(errors="replace"))

    def show(self, picture: Callable[[int, int], Sequence[Text]]) -> None:
        """Draw what a function makes of the width and height that there are now."""
        width, height = self._console.size
        self._console.update_screen(Group(*picture(width, height)))

    @contextmanager
    def left(self) -> Iterator[None]:
        """For the block, the terminal as it was before."""
        self._leave()
        try:
            yield
        finally:
            self._enter()

    def _enter(self) -> None:
        with ExitStack() as undo:
            before = termios.tcgetattr(self._keyboard)
            undo.callback(termios.tcsetattr, self._keyboard, termios.TCSADRAIN, before)
            for number, handler in ((signal.SIGWINCH, _nothing), (signal.SIGTSTP, self._stop)):
                undo.callback(signal.signal, number, signal.signal(number, handler))
            # A signal that comes just before `select` begins would else be heard only after it.
            undo.callback(signal.set_wakeup_fd, signal.set_wakeup_fd(self._rung, warn_on_full_buffer=False))
            tty.setcbreak(self._keyboard)  # Ctrl-C stays Ctrl-C
            undo.callback(self._console.set_alt_screen, False)
            self._console.set_alt_screen(True)
            undo.callback(self._console.show_cursor, True)
            self._console.show_cursor(False)
            self._entered = undo.pop_all()

    def _leave(self) -> None:
        """Undo it all, not to be torn by a second Ctrl-C."""
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
        try:
            self._entered.close()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def _stop(self, _: int, __: FrameType | None) -> None:
        self._stopped = True


def _nothing(*_: object) -> None:
    """For a signal that only has to end a wait."""
