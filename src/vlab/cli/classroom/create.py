"""`vlab class create`: a class from a roster."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import typer

from vlab import ui
from vlab.cli import outcomes
from vlab.cli.options import DEFAULT, ClassName, Json, Name


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("create")(create)


def create(
    roster: Annotated[Path, typer.Argument(metavar="ROSTER.csv", help="One line a learner: id, login, email or name.")],
    of: ClassName = "",
    name: Name = DEFAULT,
    context: Annotated[
        str | None, typer.Option(help="The cluster of this kubectl context; a lab of the class's name is made for it.")
    ] = None,
    server: Annotated[
        str, typer.Option(help="The API server's address as learners reach it, if it is not as this machine does.")
    ] = "",
    hours: Annotated[float, typer.Option(min=0.2, help="How long kubeconfigs are valid.")] = 12.0,
    exam: Annotated[
        float | None, typer.Option(min=1, help="An exam of so many minutes from now: no hints, no running score.")
    ] = None,
    counts: Annotated[Literal["best", "last"], typer.Option(help="Which grading counts.")] = "best",
    gpus: Annotated[int, typer.Option(min=0, help="GPUs that a learner may ask for.")] = 4,
    cpu: Annotated[str, typer.Option(help="CPUs that a learner may ask for.")] = "4",
    memory: Annotated[str, typer.Option(help="Memory to which a learner's pods may grow.")] = "14Gi",
    storage: Annotated[str, typer.Option(help="Storage of a learner's claims together.")] = "200Gi",
    as_json: Json = False,
) -> int:
    """Make a class: for each learner a namespace with a quota, an account and a kubeconfig that ends.

    The same command goes on where it was interrupted, and takes in who was added to the roster. Exit code 1 if
    somebody's could not be made.
    """
    from vlab.classroom import manage, store
    from vlab.classroom import roster as rosters
    from vlab.classroom.model import Quota
    from vlab.cluster import lab as labs
    from vlab.cluster.choice import brought_up
    from vlab.errors import Exit, LabError

    learners = rosters.read(roster)
    called = store.checked_name(of or roster.stem.lower().replace("_", "-")[:20].strip("-"))
    quota = Quota(gpus=gpus, cpu=cpu, memory=memory, storage=storage)
    with store.at_work(called, f"making class {called}"), ui.Steps() as steps:
        lab = labs.get(name) if context is None else brought_up(called, steps, context)
        known = store.find(called)
        if known is not None and known.closed is not None:
            raise LabError(
                f"class {called} was closed", "its gradings are kept: take another --class NAME", Exit.NOT_OURS
            )
        ends = None if exam is None else datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=exam)
        rules = {"quota": quota, "hours": hours, "ends": ends, "counts": counts}
        made = manage.new(called, lab, learners, **rules) if known is None else manage.joined(known, learners)
        found = manage.create(made, steps, server)
    code = outcomes.show(found, as_json)
    ui.say(f"kubeconfigs: {made.folder / 'kubeconfigs'}; `vlab class start EXERCISE --class {called}` begins")
    return code
