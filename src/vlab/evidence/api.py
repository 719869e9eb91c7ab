"""The shape of api.json: what the endpoint said when it was asked, and what its engines counted meanwhile."""

from pydantic import BaseModel, ConfigDict


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Answer(_Model):
    """What came of one request. `status` None: no answer began, and `error` says why."""

    url: str
    """Where the request was sent."""
    pod: str = ""
    """The pod that was asked by itself; empty: the Service."""
    prompt: str = ""
    """What was asked."""
    status: int | None = None
    """HTTP status; None if no answer began, and `error` says why."""
    error: str = ""
    """Its kind: refused, timeout, cut, unreachable, unknown-name; of an answer that is none: garbage, endless."""
    detail: str = ""
    """The error in the client library's words."""
    body: str = ""
    """The beginning of it."""
    text: str = ""
    """What the model generated."""
    model: str = ""
    """The model that the answer says it is of."""
    prompt_tokens: int | None = None
    """As the server counted; None if it did not say."""
    output_tokens: int | None = None
    """As the server counted; None if it did not say."""
    seconds: float = 0.0
    """From the request to the end of the answer."""

    @property
    def heard(self) -> bool:
        """Whether something answered, right or wrong. What was not heard says nothing about the endpoint."""
        return self.status is not None or self.error in ("garbage", "endless")

    @property
    def where(self) -> str:
        """For words: the pod, or the Service."""
        return f"pod {self.pod}" if self.pod else "the Service"


class Counters(_Model):
    """An engine's counters by name, summed over their series, before the questions and after them."""

    before: dict[str, float]
    """By name, before the first question."""
    after: dict[str, float]
    """By name, when the engines had counted the last one."""

    def risen(self, name: str) -> float:
        """By how much a counter rose; it began at 0 where it was not there."""
        return self.after.get(name, 0.0) - self.before.get(name, 0.0)


class Beginning(_Model):
    """Two questions that begin alike, one after the other: what the second one found in the prefix cache."""

    prompt_tokens: int | None
    """Of the second, as the server counted."""
    queries: float
    """Tokens that were looked up for it, by the engines' own counters."""
    hits: float
    """Tokens that were found."""


class Calls(_Model):
    """What the API says to questions of every kind, and what prefix caching does."""

    answers: dict[str, Answer] = {}
    """By kind: completion, chat, stream, unknown model, too long; with `without key` behind it those without one."""
    events: int = 0
    """Of the answer that was streamed."""
    done: bool = False
    """Whether it came to its end, [DONE]."""
    block_size: int | None = None
    """Tokens of a block of the KV cache, as the engine says."""
    hits_before: float = 0.0
    """Tokens that others' questions had found in the cache since the engines started, those of gradings left out."""
    long: Beginning | None = None
    """Questions that are the same to the end."""
    short: Beginning | None = None
    """Questions with a beginning in common that is shorter than a block."""


class Asked(_Model):
    """Everything that was asked for one grading."""

    via: str
    """witness: by the Service's name from inside the cluster; forward: through a tunnel to each ready pod."""
    max_tokens: int
    """Of each answer."""
    models: Answer | None = None
    """None where no ready pod stands behind the Service: there was nobody to ask."""
    served: tuple[str, ...] = ()
    """The names under which models are served, of all pods alike."""
    context: int | None = None
    """max_model_len, as the server says it of the promised model."""
    answers: tuple[Answer, ...] = ()
    """Those of the Service, and those of each ready pod by itself."""
    counters: dict[str, Counters] = {}
    """By pod."""
    gaps: tuple[tuple[float, ...], ...] = ()
    """Of each answer, token by token: by how much (nats) the model's weights find it less probable than the best."""
    no_reference: str = ""
    """Why the weights could not be asked."""
    image_id: str = ""
    """Of the engine's image, as the witness runs it; empty where there is no witness."""
    unsteady: str = ""
    """What changed behind the Service while it was asked, to the last."""
