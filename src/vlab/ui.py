"""What a person sees on stderr: messages, and one line of progress for each step with its time."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from vlab.errors import LabError

err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
out = Console(highlight=False, emoji=False)

_HEARTBEAT_S = 60.0


def say(message: str, style: str = "") -> None:
    """Print one message to stderr as it is: brackets in it are no markup."""
    err.print(message, markup=False, style=style)


def fail(error: LabError) -> None:
    """Print an error in the one form that vlab's errors have."""
    err.print(Text.assemble(("error:", "bold red"), " ", error.message))
    err.print(Text.assemble(("hint:", "bold cyan"), " ", error.hint))


class Step:
    """One running step; `note` says what it is at."""

    def __init__(self, title: str, steps: "Steps") -> None:
        self.title = title
        self.detail = ""
        self.started = time.monotonic()
        self._steps = steps

    @property
    def elapsed(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self.started

    def note(self, detail: str) -> None:
        """Replace the words behind the title."""
        self.detail = detail
        self._steps.update(self)


class Steps:
    """Progress of steps that may run beside each other, legible on a terminal and in a CI log.

    Methods may be called from any thread. Titles and details are plain text: brackets in them are no markup.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tasks: dict[Step, TaskID] = {}
        self._progress: Progress | None = None
        self._stop = threading.Event()
        if err.is_terminal:
            self._progress = Progress(
                SpinnerColumn(finished_text=" "),
                TextColumn("{task.description}"),
                TimeElapsedColumn(),
                console=err,
                transient=True,
            )

    def __enter__(self) -> "Steps":
        if self._progress is not None:
            self._progress.start()
        else:
            threading.Thread(target=self._beat, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._progress is not None:
            self._progress.stop()

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show `title` while the block runs; then its time, or that it failed."""
        step = Step(title, self)
        with self._lock:
            self._tasks[step] = TaskID(-1)
            if self._progress is not None:
                self._tasks[step] = self._progress.add_task(_line(step), total=None)
        try:
            yield step
        except BaseException:
            self._close(step, ("✗", "red"))
            raise
        self._close(step, ("✓", "green"))

    def update(self, step: Step) -> None:
        """Redraw a step's line after its detail changed."""
        with self._lock:
            if self._progress is not None and step in self._tasks:
                self._progress.update(self._tasks[step], description=_line(step))

    def _close(self, step: Step, mark: tuple[str, str]) -> None:
        with self._lock:
            task = self._tasks.pop(step)
            if self._progress is not None:
                self._progress.remove_task(task)
        err.print(Text.assemble(mark, f" {step.title} ", (f"{step.elapsed:.1f} s", "dim")))

    def _beat(self) -> None:
        """Say now and then what is still running, where no spinner can."""
        while not self._stop.wait(_HEARTBEAT_S):
            with self._lock:
                running = list(self._tasks)
            for step in running:
                said = f"{step.title} {step.detail}".rstrip()
                say(f"… {said} ({step.elapsed:.0f} s)", style="dim")


class Within(Steps):
    """Steps of one among many: words for the one line of all, and nothing when a step is done."""

    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__()
        self._note = note

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Say what is at work."""
        step = Step(title, self)
        self.update(step)
        yield step

    def update(self, step: Step) -> None:
        """Say what a step is at."""
        self._note(f"{step.title} {step.detail}".rstrip())


def _line(step: Step) -> str:
    """As the spinner's column takes it: with markup."""
    title = escape(step.title)
    return f"{title} [dim]{escape(step.detail)}[/]" if step.detail else title
