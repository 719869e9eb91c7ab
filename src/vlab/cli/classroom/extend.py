"""`vlab class extend`: kubeconfigs that are valid longer, and more time in an exam."""

from typing import Annotated

import typer

from vlab import ui
from vlab.cli import outcomes
from vlab.cli.options import ClassName, Json, Learners


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("extend")(extend)


def extend(
    of: ClassName = "",
    learner: Learners = None,
    minutes: Annotated[float | None, typer.Option(min=1, help="In an exam: so much more time for them.")] = None,
    server: Annotated[str, typer.Option(help="The API server's address as learners reach it.")] = "",
    as_json: Json = False,
) -> int:
    """Renew kubeconfigs for as long as the class gives, or to the end of its exam. Hand them out again."""
    from vlab.classroom import manage, store

    found = store.get(of)
    with store.at_work(found.name, "renewing kubeconfigs"), ui.Steps() as steps:
        _, came = manage.extend(
            found, store.chosen(found, tuple(learner or ())), steps, minutes=minutes, server=server
        )  # fmt: skip
    return outcomes.show(came, as_json)
