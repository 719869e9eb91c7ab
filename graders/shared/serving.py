"""What every exercise promises its users: the address, and behind it the engine with the same model, answering."""

from vlab.grading import CannotTell, check, expect
from vlab.grading.expectations import (
    SEE_ANSWER,
    SEE_PODS,
    SEE_SERVICE,
    expect_answered,
    expect_counted,
    expect_engine,
    expect_most_probable,
    expect_outlives_a_pod,
    expect_readiness,
    why_nobody_serves,
)
from vlab.serving import incomplete
from vlab.settings import PORT


@check("service-kept", help=SEE_SERVICE)
def test_service_kept(serving):
    """The address is kept, and leads to pods of this namespace"""
    for door in serving.doors:
        found = door.service
        expect(found, f"a Service {door.name}", "none of that name")
        leads_away = found["spec"].get("type") == "ExternalName"
        expect(not leads_away, f"{door.name} in front of pods", "a name that leads elsewhere")
        ports = ", ".join(str(p["port"]) for p in found["spec"].get("ports") or ())
        expect(door.port, f"port {PORT} on {door.name}", ports or "no port")
        expect(not door.strangers, f"only pods of this namespace behind {door.name}", ", ".join(door.strangers))


@check("server-ready", points=4, needs=["service-kept"], help=SEE_PODS)
def test_server_ready(serving, objects, evidence):
    """Something is ready behind it, as much as its owner wants"""
    for door in serving.doors:
        lacking = why_nobody_serves(door, objects, evidence.header.namespace)
        expect(door.pods, f"a ready pod behind {door.name}", lacking)
    for owner in serving.owners:
        lacking = incomplete(owner)
        expect(not lacking, f"every pod that {owner.kind} {owner.name} wants, ready and as it says now", lacking)


@check(
    "real-engine", needs=["server-ready"], help="What answers must be vLLM itself, from the image that is on the nodes."
)
def test_real_engine(engines, asked):
    """What answers is the engine"""
    for engine in engines:
        expect_engine(engine, asked)
    expect_counted(asked)


@check(
    "same-model",
    needs=["server-ready"],
    help="Clients ask for the model by its name, and their prompts were tried on that model.",
)
def test_same_model(asked, promised):
    """It is the model that was promised, under its name"""
    expect_answered(asked.models)
    names = ", ".join(asked.served) or "none"
    expect(promised.model in asked.served, f"a model named {promised.model}", names)
    expect_most_probable(asked)


@check(
    "context-kept", needs=["server-ready", "same-model"], help="Requests of this length came in before, and will again."
)
def test_context_kept(asked, promised):
    """The context is as long as promised"""
    if asked.context is None:
        raise CannotTell("the server does not say how long its context is")
    expect(asked.context >= promised.context, f"at least {promised.context} tokens", f"{asked.context}")


@check(
    "health-checked",
    needs=["server-ready"],
    help="Without a readiness probe on the engine, clients are sent to it while it still loads.",
)
def test_health_checked(engines):
    """Kubernetes asks the engine before it sends clients there"""
    for engine in engines:
        expect_readiness(engine)


@check(
    "cache-kept",
    needs=["server-ready"],
    help="What a pod downloads into its own file system, or into an emptyDir, goes with it.",
)
def test_cache_kept(engines, promised):
    """The model cache outlives a pod"""
    for engine in engines:
        expect_outlives_a_pod(engine, promised.cache_path)


@check("model-answers", points=4, needs=["server-ready", "safeguards"], help=SEE_ANSWER)
def test_model_answers(asked):
    """The endpoint answers questions with the model's words"""
    if asked.unsteady:
        raise CannotTell(asked.unsteady)
    if not asked.answers:
        raise CannotTell("nothing was ready when it was asked")
    for answer in asked.answers:
        expect_answered(answer)
        expect(
            answer.output_tokens == asked.max_tokens and answer.text,
            f"{asked.max_tokens} tokens of text, as asked for",
            f"{answer.output_tokens} tokens: {answer.text[:100]!r}",
        )
