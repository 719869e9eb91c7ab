"""`vlab recommend`: judge a written recommendation against the evidence of a run, without a cluster."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vlab import catalog, ui
from vlab.cli.options import Json
from vlab.errors import Exit, LabError

if TYPE_CHECKING:
    from vlab.rubric import Judged

app = typer.Typer(no_args_is_help=True, help="Judge what was written about a run.")


def register(parent: typer.Typer) -> None:
    """Add the command and its verbs."""
    parent.add_typer(app, name="recommend")


@app.callback()
def recommend() -> None:
    """Judge what was written about a run."""


@app.command("check")
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The recommendation, in Markdown.")],
    scenario: Annotated[str, typer.Option(metavar="ID", help="The task or scenario that it is about.")],
    evidence: Annotated[
        Path,
        typer.Option(metavar="DIR", help="The run that it is about: a folder as `vlab grade` names it, or a zip file."),
    ],
    judge: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="An OpenAI-compatible API whose model comments on style and on what is unsure; beside the verdict.",
        ),
    ] = None,
    judge_model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its model; the first one if not given.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Judge one text, criterion by criterion. Exit code 0: it passes; 1: it does not; 6: nothing fails, and something
    could not be told.

    A judge takes no part in the verdict. A key for it is read from VLAB_JUDGE_KEY.
    """
    from vlab import rubric
    from vlab.evidence import load

    if judge is None and judge_model is not None:
        raise LabError("--judge-model names a model, but no judge that serves it", "add --judge URL")
    text = rubric.read_text(file)
    wanted = catalog.exercise(scenario)
    run = load(evidence)
    if run.header.scenario != wanted.id:
        raise LabError(
            f"{evidence} is evidence of {run.header.scenario}, not of {wanted.id}",
            f"name --scenario {run.header.scenario}",
        )
    judged = rubric.check(text, wanted, run)
    if not as_json:
        _show(judged)
    comments = _comments(judge, judge_model, text, judged) if judge is not None else {}
    if as_json:
        found = {"criteria": [asdict(c) for c in judged.criteria], "passes": judged.passes}
        typer.echo(json.dumps(found | ({"comments": comments} if comments else {}), indent=2))
    elif comments:
        typer.echo("comments of a model, which decide nothing:")
        for about, words in comments.items():
            typer.echo(f"       {about}: {words}")
    if judged.passes:
        return Exit.OK
    return Exit.CHECKS_FAILED if any(c.verdict == "fail" for c in judged.criteria) else Exit.GRADER


def _show(judged: "Judged") -> None:
    for criterion in judged.criteria:
        typer.echo(f"{criterion.verdict or '-':6} {criterion.id}: {criterion.help}")
        if criterion.span and criterion.verdict in ("fail", "unsure"):
            typer.echo(f"       > {' '.join(criterion.span.split())[:200]}")
    ui.say("the recommendation passes" if judged.passes else "the recommendation does not pass yet")


def _comments(url: str, model: str | None, text: str, judged: "Judged") -> dict[str, str]:
    from vlab.judge import comments

    unsure = {c.id: c.help for c in judged.criteria if c.verdict == "unsure"}
    with ui.Steps() as steps, steps.step("Ask the judge for comments"):
        return comments(url, model, text, unsure)
