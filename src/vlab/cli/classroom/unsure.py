"""`vlab class unsure`: what the rubric was unsure about, over the class."""

from pathlib import Path
from typing import Annotated

import typer

from vlab import ui
from vlab.cli.options import ClassName, Json, TrustedKey


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("unsure")(unsure)


def unsure(
    of: ClassName = "",
    every: Annotated[bool, typer.Option("--all", help="Those that are decided too.")] = False,
    export: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write each decided case there as a labelled text.")
    ] = None,
    key: TrustedKey = None,
    as_json: Json = False,
) -> None:
    """List criteria that nobody has decided, with what the rubric said and where the learner's text is."""
    from vlab.classroom import decisions, gradebook, store

    found = store.get(of)
    decided = decisions.kept(found)
    with ui.Steps() as steps, steps.step("Read the gradings and look at their seals"):
        cases = decisions.unsure(gradebook.counting(found, decided, key=key).values(), decided)
    if export is not None:
        for file in decisions.export(cases, export):
            typer.echo(file)
        return
    shown = [each for each in cases if every or each.decision is None]
    if as_json:
        import json

        rows = [
            {
                "learner": each.attempt.learner.slug,
                "exercise": each.attempt.exercise,
                "criterion": each.criterion,
                "title": each.title,
                "said": each.said,
                "file": str(each.file),
                "decision": each.decision and each.decision.model_dump(mode="json"),
            }
            for each in shown
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    for each in shown:
        typer.echo(f"{each.attempt.learner.slug} {each.attempt.exercise} {each.criterion}: {each.title}")
        typer.echo(f"    {each.decision or each.said}")
        typer.echo(f"    {each.file}")
    open_ = sum(each.decision is None for each in cases)
    ui.say(f"{open_} to decide, {len(cases) - open_} decided: vlab class decide LEARNER EXERCISE CRITERION pass|fail")
