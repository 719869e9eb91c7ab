"""`vlab ask`: put a question to the deployed model."""

import json
from typing import Annotated, Any

import typer

from vlab import ui
from vlab.cli.options import DEFAULT, Name
from vlab.cluster import lab
from vlab.errors import Exit, LabError

_PATIENCE_S = 180.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ask")(ask)


def ask(
    question: Annotated[str, typer.Argument(help="What to ask.")],
    name: Name = DEFAULT,
    namespace: Annotated[
        str | None, typer.Option(help="Where the endpoint is deployed; that of the last exercise if not given.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Its name; the first one served if not given.")] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="How long the answer may be.")] = 200,
    api_key: Annotated[str | None, typer.Option(envvar="VLLM_API_KEY", help="If the endpoint asks for one.")] = None,
) -> None:
    """Stream an answer of the deployed model to stdout, asked as clients do: from inside, by the Service's name."""
    from vlab.endpoint import open_witness

    found, service = open_witness(lab.get(name), namespace)
    given = {
        "service": service,
        "model": model or "",
        "question": question,
        "max_tokens": max_tokens,
        "api_key": api_key,
    }
    refused: list[dict[str, Any]] = []

    def heard(event: dict[str, Any]) -> None:
        if event["kind"] == "model":
            ui.say(event["name"], style="dim")
        elif event["kind"] == "text":
            print(event["text"], end="", flush=True)  # noqa: T201
        elif event["kind"] == "refused":
            refused.append(event)

    found.ask("chat", given, _PATIENCE_S, heard)
    if refused:
        raise _refusal(refused[0])
    print()  # noqa: T201


def _refusal(said: dict[str, Any]) -> LabError:
    if said["status"] is None:
        return LabError(
            f"the endpoint gave no answer: {said['error']} {said['detail']}",
            "`vlab kubectl get pods,endpointslices`: a Service leads to ready pods only",
            Exit.NO_LAB,
        )
    try:
        message = json.loads(said["body"])["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = said["body"][:200]
    return LabError(
        f"the endpoint refused: {said['status']} {message}",
        "401: give --api-key; 404: another --model; 400: a shorter question",
    )
