"""The one error type a user ever sees, and the exit codes of every command."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command. The site's page of them, reference/exit-codes, is made of what stands here."""

    OK = 0
    """Done; for `vlab grade`: every check passed. `vlab watch` was ended by `q`, or every check passed; when its
    `--timeout` is over it ends as `vlab grade` would: 0, 1 or 6."""
    CHECKS_FAILED = 1
    """The command worked, and at least one check did not pass."""
    USAGE = 2
    """The command line or an input file is wrong."""
    MACHINE = 3
    """This machine cannot do what was asked: privileges, memory, disk, a missing tool."""
    NO_LAB = 4
    """No lab is up under this name, or it does not answer."""
    BUILD = 5
    """Building an image or starting the cluster failed; the log says why."""
    GRADER = 6
    """No check failed, but one could not be told. It is held against nobody; the reason is in the report."""
    NOT_OURS = 7
    """The thing in the way was not made by vlab, so vlab leaves it alone."""
    BUG = 70
    """A bug in vlab; the message names a file to report."""
    INTERRUPTED = 130
    """Interrupted; the same command goes on from there."""


class LabError(Exception):
    """A failure that is explained in one line, with one line on how to cure it.

    Everything a user can cause ends in one of these; anything else is a bug.
    """

    def __init__(self, message: str, hint: str, exit_code: Exit = Exit.USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code
