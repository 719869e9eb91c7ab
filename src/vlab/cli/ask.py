"""`vlab ask`: put a question to the deployed model."""

from typing import Annotated

import typer

from vlab import ui
from vlab.cli.options import DEFAULT, Name
from vlab.cluster import lab
from vlab.errors import Exit, LabError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ask")(ask)


def ask(
    question: Annotated[str, typer.Argument(help="What to ask.")],
    name: Name = DEFAULT,
    namespace: Annotated[str, typer.Option(help="Where the endpoint is deployed.")] = "llm-demo",
    model: Annotated[str | None, typer.Option(help="Its name; the first one served if not given.")] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="How long the answer may be.")] = 200,
    api_key: Annotated[str | None, typer.Option(envvar="VLLM_API_KEY", help="If the endpoint asks for one.")] = None,
) -> None:
    """Stream an answer of the deployed model to stdout."""
    import openai

    from vlab.endpoint import open_endpoint

    with open_endpoint(lab.get(name), namespace) as url:
        client = openai.OpenAI(base_url=f"{url}/v1", api_key=api_key or "none", timeout=120, max_retries=0)
        try:
            served = model or client.models.list().data[0].id
            ui.say(f"[dim]{served}[/]")
            stream = client.chat.completions.create(
                model=served,
                messages=[{"role": "user", "content": question}],
                max_tokens=max_tokens,
                temperature=0.2,
                stream=True,
            )
            for chunk in stream:
                if chunk.choices and (text := chunk.choices[0].delta.content):
                    print(text, end="", flush=True)  # noqa: T201
            print()  # noqa: T201
        except openai.APIStatusError as e:
            raise LabError(
                f"the endpoint refused: {e.status_code} {e.message}",
                "401: give --api-key; 404: another --model; 400: a shorter question",
            ) from e
        except openai.APIError as e:
            raise LabError(
                f"the endpoint gave no answer: {e.message}",
                "`vlab kubectl logs deployment/vllm-server` may say why",
                Exit.NO_LAB,
            ) from e
