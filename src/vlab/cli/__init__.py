"""The command line: one module a verb, one place that turns an error into a message and an exit code."""

import sys
import traceback
from datetime import datetime

import typer

from vlab import paths, ui
from vlab.cli import (
    ask,
    cache,
    doctor,
    down,
    env,
    evidence,
    gate,
    grade,
    hint,
    kubectl,
    listing,
    load,
    reset,
    solve,
    start,
    status,
    up,
)
from vlab.errors import Exit, LabError

app = typer.Typer(
    name="vlab",
    help="A lab for serving LLMs with vLLM on Kubernetes: a real cluster, real faults, real grading.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for verb in (
    up,
    down,
    status,
    doctor,
    env,
    kubectl,
    cache,
    listing,
    start,
    grade,
    hint,
    solve,
    reset,
    ask,
    load,
    gate,
    evidence,
):
    verb.register(app)


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    try:
        result = app(arguments, prog_name="vlab", standalone_mode=False)
    except LabError as e:
        ui.fail(e)
        return e.exit_code
    except typer.TyperException as e:
        context = getattr(e, "ctx", None)
        command = context.command_path if context else "vlab"
        ui.fail(LabError(e.format_message(), f"see `{command} --help`"))
        return Exit.USAGE
    except (KeyboardInterrupt, typer.Abort):
        ui.say("interrupted; the same command goes on from here")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return Exit.OK
    except Exception as e:
        ui.fail(_bug(e))
        return 70
    return int(result or 0)


def _bug(error: Exception) -> LabError:
    log = paths.logs() / f"bug-{datetime.now():%Y%m%d-%H%M%S}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("".join(traceback.format_exception(error)))
    return LabError(
        f"this is a bug in vlab: {type(error).__name__}: {error}",
        f"please report it with the file {log}; it names no secrets, but read it first",
    )
