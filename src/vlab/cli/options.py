"""Options that several commands share."""

from typing import Annotated

import typer

from vlab import names

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

DEFAULT = names.DEFAULT_LAB
LEARNER = names.DEFAULT_LEARNER
