"""`vlab watch`: the checks of an exercise, looked at again whenever you have changed something."""

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from vlab import catalog, ui
from vlab.cli.options import DEFAULT, LEARNER, ExerciseId, Learner, Name
from vlab.cluster import lab
from vlab.errors import Exit, LabError

if TYPE_CHECKING:
    from vlab.catalog import Exercise
    from vlab.cluster.lab import Lab
    from vlab.runs import Run
    from vlab.watching.follow import Until


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("watch")(watch)


def watch(
    scenario: ExerciseId,
    name: Name = DEFAULT,
    learner: Learner = LEARNER,
    until_passed: Annotated[bool, typer.Option("--until-passed", help="End when every check passes.")] = False,
    timeout: Annotated[float | None, typer.Option(min=0, help="End after so many seconds.")] = None,
    load: Annotated[bool, typer.Option("--load", help="Send the load of a grading with each look.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print each change of a verdict as a line of JSON.")] = False,
) -> int:
    """Show every check, and look again when something has changed; without a terminal, a line for each verdict that
    turns. Keys: h next hint, g grade, r reset, q quit. Exit code 0: ended by q, or all passed; with --timeout as
    `vlab grade`: 1 if a check fails, 6 if none does but one could not be told; 130: interrupted.
    """
    from vlab import runs
    from vlab.grading.load import checks_in
    from vlab.grading.views import needing_load
    from vlab.watching.follow import Until

    wanted = catalog.exercise(scenario)
    if until_passed and not load and (untold := needing_load(checks_in(*wanted.graders))):
        raise LabError(
            f"some checks of {wanted.id} are graded with load, which is not sent: {', '.join(sorted(untold))}",
            f"run `vlab watch {wanted.id} --until-passed --load`",
        )
    found = lab.get(name)
    run = runs.load(found, wanted, learner)
    until = Until(until_passed, None if timeout is None else time.monotonic() + timeout)
    ui.say(f"watching {wanted.id} in namespace {run.namespace}", style="dim")
    with _terminated_as_interrupted():
        if as_json:
            return _as_json(run, found, wanted, until, load)
        if sys.stdin.isatty() and ui.out.is_terminal and not ui.out.is_dumb_terminal:
            return _on_screen(run, found, wanted, until, load)
        return _as_log(run, found, wanted, until, load)


def _as_log(run: "Run", found: "Lab", wanted: "Exercise", until: "Until", load: bool) -> int:
    from vlab.watching.follow import News, as_log
    from vlab.watching.looker import Looker
    from vlab.watching.state import Change, line

    def tell(change: Change) -> None:
        typer.echo(f"{datetime.now():%H:%M:%S} {line(change)}")

    news = News()
    with Looker(run, found, wanted, load=load, show=news.put, ended=news.put):
        return as_log(news, until, tell).code


def _as_json(run: "Run", found: "Lab", wanted: "Exercise", until: "Until", load: bool) -> int:
    from vlab.watching.follow import Ended, News, as_log
    from vlab.watching.looker import Looker
    from vlab.watching.state import Change, as_json

    def tell(change: Change) -> None:
        typer.echo(json.dumps({"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **as_json(change)}))

    news = News()
    looker = Looker(run, found, wanted, load=load, show=news.put, ended=news.put)
    ended = Ended("failed", Exit.NO_LAB)
    try:
        with looker:
            ended = as_log(news, until, tell)
    except KeyboardInterrupt:
        ended = Ended("interrupted", Exit.INTERRUPTED)
        raise
    except LabError as e:
        ended = Ended("failed", e.exit_code)
        raise
    finally:
        typer.echo(json.dumps({"kind": "end", "why": ended.why, "code": ended.code, **looker.statistics()}))
    return ended.code


def _on_screen(run: "Run", found: "Lab", wanted: "Exercise", until: "Until", load: bool) -> int:
    from vlab.cli.grade import grade
    from vlab.cli.hint import hint
    from vlab.cli.reset import reset
    from vlab.watching.follow import News, Screen
    from vlab.watching.looker import Looker
    from vlab.watching.state import State
    from vlab.watching.terminal import Terminal

    terminal = Terminal(ui.out)
    news = News()

    def hear(new: State | Exception) -> None:
        news.put(new)
        terminal.ring()

    whose = (wanted.id, found.name, run.learner)
    commands: dict[str, Callable[[], object]] = {
        "h": lambda: hint(*whose),
        "g": lambda: grade(*whose),
        Screen.RESET: lambda: reset(*whose),
    }
    with Looker(run, found, wanted, load=load, show=hear, ended=hear):
        return Screen(f"{wanted.id}: {wanted.title}", terminal, commands).follow(news, until).code


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """In the block, SIGTERM ends the command as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
