"""The command line: one module a verb, one place that turns an error into a message and an exit code."""

import errno
import sys
from pathlib import Path

import typer

from vlab.cli.verbs import Verbs
from vlab.errors import Exit, LabError

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)

app = typer.Typer(
    name="vlab",
    cls=Verbs,
    help="A lab for serving LLMs with vLLM on Kubernetes: a real cluster, real faults, real grading.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def vlab() -> None:
    """Has no options of its own; makes a group of the commands, which `Verbs` finds."""


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    try:
        result = app(arguments, prog_name="vlab", standalone_mode=False)
        if result == Exit.INTERRUPTED:  # typer makes a code of Ctrl-C by itself
            raise KeyboardInterrupt
    except LabError as e:
        return _fail(e)
    except typer.TyperException as e:
        context = getattr(e, "ctx", None)
        command = context.command_path if context else "vlab"
        return _fail(LabError(e.format_message(), f"see `{command} --help`"))
    except (KeyboardInterrupt, typer.Abort):
        from vlab import ui

        ui.say("interrupted; the same command goes on from here")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return Exit.OK
    except Exception as e:
        if full := _of_a_full_disk(e):
            return _fail(_disk_full(full))
        return _fail(_bug(e))
    return int(result or 0)


def _fail(error: LabError) -> int:
    from vlab import ui  # late, as all that `vlab --help` needs not

    ui.fail(error)
    return error.exit_code


def _of_a_full_disk(error: BaseException) -> OSError | None:
    """The error itself, its cause, or one of its group, if a full disk or quota is behind it."""
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        return error
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else [error.__cause__]
    return next((found for e in inner if e is not None and (found := _of_a_full_disk(e))), None)


def _disk_full(error: OSError) -> LabError:
    from vlab import paths

    where = f" while writing {Path(error.filename).absolute()}" if error.filename else ""
    return LabError(
        f"the disk is full{where}: {error.strerror}",
        f"free some space, or set VLAB_STATE (now {paths.state()}) or VLAB_CACHE (now {paths.cache()}) "
        "to a folder on a larger disk",
        Exit.MACHINE,
    )


def _bug(error: Exception) -> LabError:
    import traceback
    from datetime import datetime

    from vlab import paths

    message = f"this is a bug in vlab: {type(error).__name__}: {error}"
    log = paths.logs() / f"bug-{datetime.now():%Y%m%d-%H%M%S}.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("".join(traceback.format_exception(error)))
    except OSError as e:
        return LabError(message, f"please report it; {log} cannot be written: {e.strerror}", Exit.BUG)
    return LabError(message, f"please report it with the file {log}; it names no secrets, but read it first", Exit.BUG)
