"""What a load consists of: the model of a workload's YAML file, and where the packaged ones lie."""

import difflib
import json
from collections.abc import Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from vlab.errors import LabError

PACKAGED = files("vlab.load") / "workloads"
_MAX_FILE_BYTES = 256 * 1024

Words = Annotated[int, Field(strict=True, ge=1, le=200_000)]
Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Seconds = Annotated[float, Field(strict=True, gt=0, le=86_400)]
Pause = Annotated[float, Field(strict=True, ge=0, le=3_600)]


class _Model(BaseModel):
    """Frozen, finite, and strict about keys: an unknown one is answered with the nearest known."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, value: Any) -> Any:
        for key in value if isinstance(value, dict) else ():
            if key not in cls.model_fields:
                raise PydanticCustomError("unknown_key", "unknown key", {"key": str(key), "keys": [*cls.model_fields]})
        return value


class Fixed(_Model):
    """The same length for every request."""

    distribution: Literal["fixed"]
    """Which of the three this is."""
    value: Words
    """The length."""


class Uniform(_Model):
    """Any whole number from `low` to `high`, both included, equally likely."""

    distribution: Literal["uniform"]
    """Which of the three this is."""
    low: Words
    """The least."""
    high: Words
    """The greatest."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise PydanticCustomError("order", "low is above high")
        return self


class LogNormal(_Model):
    """Many short, few long, as real traffic: exp(N(ln median, sigma)), cut to 1..max."""

    distribution: Literal["lognormal"]
    """Which of the three this is."""
    median: Words
    """Half of the requests are shorter."""
    sigma: Annotated[float, Field(strict=True, gt=0, le=3)]
    """How far lengths scatter: about two thirds lie between median / e^sigma and median * e^sigma."""
    max: Words
    """Longer ones are cut to this."""


def _spelled_out(value: Any) -> Any:
    """`300` is short for `{distribution: fixed, value: 300}`."""
    return {"distribution": "fixed", "value": value} if isinstance(value, int | float) else value


Length = Annotated[
    Annotated[Fixed | Uniform | LogNormal, Field(discriminator="distribution")],
    BeforeValidator(_spelled_out, json_schema_input_type=Words | Fixed | Uniform | LogNormal),
]


class ClosedLoop(_Model):
    """`users` who each wait for their answer, think, and ask again."""

    loop: Literal["closed"]
    """Which of the two this is."""
    users: Annotated[int, Field(strict=True, ge=1, le=4096)]
    """How many."""
    think_seconds: Pause = 0.0
    """The pause between an answer and the next question."""
    ramp_seconds: Pause = 0.0
    """The users begin evenly spread over this time; 0: all at once."""


class OpenLoop(_Model):
    """Requests that come whether or not earlier ones are answered: Poisson arrivals, `rate` a second."""

    loop: Literal["open"]
    """Which of the two this is."""
    rate: Annotated[float, Field(strict=True, gt=0, le=1000)]
    """Requests a second, on average."""


class SharedPrefix(_Model):
    """Words that the `share` of the requests (0 to 1) begin with, as with a common system prompt."""

    words: Words
    """How long it is."""
    share: Annotated[float, Field(strict=True, ge=0, le=1)] = 1.0
    """Of the requests, those that begin with it."""


class Prompt(_Model):
    """What is asked: generated text of `words` common words (about a token each), or `texts` in turn."""

    words: Length | None = None
    """How long it is, the shared prefix not counted."""
    texts: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)] | None = None
    """What is asked, word for word."""
    shared_prefix: SharedPrefix | None = None
    """What prompts have in common."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.words is None) == (self.texts is None):
            raise PydanticCustomError("prompt", "needs either words or texts, and not both")
        return self


class TrafficClass(_Model):
    """One kind of requests. It ends after `requests` or with the workload's duration, whichever is first."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    """Its name in the results."""
    arrival: Annotated[ClosedLoop | OpenLoop, Field(discriminator="loop")]
    """When its requests come."""
    prompt: Prompt
    """What they ask."""
    output_tokens: Length
    """How long an answer is at most."""
    ignore_eos: bool = True
    """Generate exactly `output_tokens`, so that two runs do the same work (an extension of vLLM's API)."""
    api: Literal["completions", "chat"] = "completions"
    """/v1/completions or /v1/chat/completions."""
    stream: bool = True
    """Whether answers are streamed; a time to first token is known only then."""
    temperature: Annotated[float, Field(strict=True, ge=0, le=2)] = 0.0
    """How an engine chooses tokens; 0: always the most probable."""
    priority: Annotated[int, Field(strict=True, ge=-1000, le=1000)] = 0
    """Lower is served earlier by an engine that schedules by priority; others take no notice."""
    requests: Count | None = None
    """How many at most."""


class Workload(_Model):
    """A load that can be repeated: lengths and arrival times follow from the seed alone.

    With `prompts: fresh` the words differ from run to run, since a prompt seen before is answered from
    the engine's prefix cache and a second run would look faster; with `prompts: repeat` they do not.
    """

    title: str = ""
    """What it is, in a line."""
    seed: Annotated[int, Field(strict=True)] = 0
    """What lengths and arrival times follow from."""
    prompts: Literal["fresh", "repeat"] = "fresh"
    """Whether each run has words of its own."""
    duration_seconds: Seconds | None = None
    """Requests begin during this time; those in flight at its end are waited for."""
    request_timeout_seconds: Seconds = 120.0
    """A request that is not answered by then has failed."""
    run_timeout_seconds: Seconds = 1800.0
    """The run ends by then whatever the server does."""
    classes: Annotated[tuple[TrafficClass, ...], Field(min_length=1, max_length=16)]
    """The kinds of requests, sent beside each other."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [c.name for c in self.classes]
        if len(set(names)) < len(names):
            raise PydanticCustomError("names", "two classes have the same name")
        endless = [c.name for c in self.classes if c.requests is None and self.duration_seconds is None]
        if endless:
            raise PydanticCustomError("endless", "without duration_seconds, each class needs requests to end")
        if self.duration_seconds is not None and self.duration_seconds > self.run_timeout_seconds:
            raise PydanticCustomError("timeout", "duration_seconds is above run_timeout_seconds")
        return self


class _PlainLoader(yaml.SafeLoader):
    """Without aliases: nothing here needs them, and a few lines of them can expand to gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not supported here")
        return super().compose_node(parent, index)


def packaged() -> dict[str, Traversable]:
    """The workloads that come with vlab: file by name."""
    found = sorted(PACKAGED.iterdir(), key=lambda file: file.name)
    return {file.name.removesuffix(".yaml"): file for file in found if file.name.endswith(".yaml")}


def find(name: str) -> Workload:
    """The packaged workload `name`, else the one in the YAML file at the path `name`.

    Raises:
        LabError: there is neither, or what is there is no valid workload.
    """
    known = packaged()
    if name in known:
        return read(known[name])
    if Path(name).is_file():
        return read(Path(name))
    near = difflib.get_close_matches(name, known, n=1)
    raise LabError(
        f"no workload and no file is called {name!r}",
        f"did you mean {near[0]!r}?" if near else f"workloads: {', '.join(known)}; or the path of a YAML file",
    )


def read(path: Traversable) -> Workload:
    """The workload in a YAML file.

    Raises:
        LabError: the file cannot be read or is no valid workload.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_FILE_BYTES + 1)
    except OSError as e:
        raise LabError(f"cannot read {path}: {e.strerror}", "give a readable YAML file") from None
    if len(raw) > _MAX_FILE_BYTES:
        raise LabError(f"{path} is over {_MAX_FILE_BYTES // 1024} KiB: not a workload", _example())
    return parse(raw, str(path))


def parse(raw: bytes | str, source: str) -> Workload:
    """The workload in YAML text; `source` names it in errors.

    Raises:
        LabError: it is no YAML or no valid workload.
    """
    try:
        data = yaml.load(raw, Loader=_PlainLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError) as e:
        raise _explained(e, source) from None
    return checked(data, source)


def checked(data: Any, source: str) -> Workload:
    """The workload that was read from YAML; `source` names it in errors.

    Raises:
        LabError: it is no valid workload.
    """
    if not isinstance(data, dict):
        raise LabError(f"{source} is not a workload: it holds no keys", _example())
    try:
        return Workload.model_validate(data)
    except ValueError as e:
        raise _explained(e, source) from None


def _explained(error: Exception, source: str) -> LabError:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return LabError(f"{source}: {_place(first['loc'])}{_words(first)}", _hint(first))
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        line = error.problem_mark.line + 1
        return LabError(f"{source} is not YAML: line {line}: {error.problem}", f"correct line {line}")
    return LabError(f"{source} is not YAML: {str(error).splitlines()[0]}", _example())


_TAGS = {"fixed", "uniform", "lognormal", "closed", "open"}


def _place(loc: Sequence[int | str]) -> str:
    """('classes', 0, 'arrival', 'closed', 'users') -> 'classes[0].arrival.users: '."""
    parts = [f"[{p}]" if isinstance(p, int) else f".{p}" for p in loc if p not in _TAGS]
    return "".join(parts).lstrip(".") + ": " if parts else ""


def _words(error: ErrorDetails) -> str:
    if error["type"] == "unknown_key":
        return f"unknown key {error['ctx']['key']!r}"
    return error["msg"][0].lower() + error["msg"][1:]


def _hint(error: ErrorDetails) -> str:
    if error["type"] != "unknown_key":
        return _example()
    keys = error["ctx"]["keys"]
    near = difflib.get_close_matches(error["ctx"]["key"], keys, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(keys)}"


def _example() -> str:
    return f"compare with one that works: {PACKAGED / 'chat.yaml'}"


def canonical(workload: Workload) -> str:
    """One text for equal workloads, to tell whether two runs had the same load."""
    return json.dumps(workload.model_dump(mode="json", exclude={"title"}), sort_keys=True)
