"""Runs the tools that vlab drives, keeps all they print in a log, and turns their failure into a LabError."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from vlab.errors import Exit, LabError

Args = Sequence[str | Path]


def run(
    args: Args,
    *,
    log: Path,
    name: str = "",
    hint: str = "",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    exit_code: Exit = Exit.BUILD,
) -> None:
    """Run a command to its end, all its output appended to `log`.

    Args:
        name: what to call it in an error, where its first word is only a wrapper.

    Raises:
        LabError: it exited non-zero or is not installed; the message has its last line of output.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        sink.write(f"\n$ {_shown(args)}\n".encode())
        sink.flush()
        start = sink.tell()
        code = _spawn(args, stdout=sink, env=env, cwd=cwd)
    if code != 0:
        raise LabError(
            f"{name or Path(args[0]).name} failed (exit {code}): {_last_line(log, start)}",
            hint or f"the whole output is in {log}",
            exit_code,
        )


def output(
    args: Args,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    timeout: float | None = 60.0,
    exit_code: Exit = Exit.BUILD,
) -> str:
    """Run a command and return what it printed on stdout.

    Raises:
        LabError: it exited non-zero, is not installed, or took longer than `timeout` seconds.
    """
    name = Path(args[0]).name
    try:
        done = subprocess.run(
            [str(a) for a in args],
            env=_merged(env),
            cwd=cwd,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        raise missing(name) from None
    except subprocess.TimeoutExpired:
        raise LabError(
            f"{name} gave no answer in {timeout:.0f} s", f"try it by hand: {_shown(args)}", exit_code
        ) from None
    if done.returncode != 0:
        words = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise LabError(f"{name} failed (exit {done.returncode}): {words}", f"try it by hand: {_shown(args)}", exit_code)
    return done.stdout


def foreground(args: Args, env: Mapping[str, str] | None = None) -> int:
    """Run a command on this terminal to its end; Ctrl-C is the command's, which ends or not as it likes.

    Returns:
        Its exit code; 128 and the signal's number if one ended it.

    Raises:
        LabError: it cannot be run.
    """
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        code = subprocess.run([str(a) for a in args], env=_merged(env), check=False).returncode
    except FileNotFoundError:
        raise missing(Path(args[0]).name) from None
    except OSError as e:
        raise LabError(f"{args[0]} cannot be run: {e.strerror}", "name a program that may be run") from None
    finally:
        signal.signal(signal.SIGINT, before)
    return 128 - code if code < 0 else code


def answers(args: Args, *, env: Mapping[str, str] | None = None, timeout: float = 20.0) -> str | None:
    """What a command printed on stdout, or None if it failed in any way. For looking, not for doing."""
    try:
        return output(args, env=env, timeout=timeout)
    except LabError:
        return None


def missing(name: str) -> LabError:
    """The error for a tool that is not installed."""
    return LabError(f"{name} is not installed", "run `vlab doctor` to see what this machine lacks", Exit.MACHINE)


def _spawn(args: Args, *, stdout: IO[bytes], env: Mapping[str, str] | None, cwd: Path | None) -> int:
    try:
        done = subprocess.run(
            [str(a) for a in args],
            env=_merged(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except FileNotFoundError:
        raise missing(Path(args[0]).name) from None
    return done.returncode


def _merged(env: Mapping[str, str] | None) -> dict[str, str] | None:
    return None if env is None else {**os.environ, **env}


def _shown(args: Args) -> str:
    return " ".join(str(a) for a in args)


def _last_line(log: Path, start: int) -> str:
    with log.open("rb") as f:
        f.seek(start)
        lines = f.read()[-4000:].decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "no output"
