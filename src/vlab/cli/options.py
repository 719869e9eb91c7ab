"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from vlab import names
from vlab.errors import LabError

Name = Annotated[
    str, typer.Option("--name", "-n", envvar="VLAB_NAME", help="Which lab, where several stand side by side.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
Learner = Annotated[
    str,
    typer.Option(
        envvar="VLAB_LEARNER",
        callback=names.checked_learner,
        help="Whose run it is; parameters are drawn from this name.",
    ),
]
ExerciseId = Annotated[str, typer.Argument(metavar="EXERCISE", help="As `vlab list` shows it.")]
ClassName = Annotated[
    str, typer.Option("--class", "-c", envvar="VLAB_CLASS", help="Which class; not needed where there is only one.")
]
Learners = Annotated[
    list[str] | None,
    typer.Option("--learner", "-l", help="Only this one, as `vlab class show` or the roster has it; several times."),
]
TrustedKey = Annotated[
    Path | None, typer.Option("--key", help="The public key to trust, instead of this machine's.", show_default=False)
]

DEFAULT = names.DEFAULT_LAB
LEARNER = names.DEFAULT_LEARNER


def write_file(file: Path, text: str, *, add: bool = False) -> None:
    """Write a file that an option names, or add to it, in UTF-8 with its line ends as they are.

    Raises:
        LabError: it cannot be written.
    """
    try:
        with file.open("a" if add else "w", encoding="utf-8", newline="") as out:
            out.write(text)
    except OSError as e:
        raise LabError(f"cannot write {file}: {e.strerror}", "name a file in a folder that exists") from e
